/// How a Redis server is started, and what its configuration says. Pure.
///
/// Two files make the configuration: redis.conf in the data directory, which is the user's (CONFIG REWRITE
/// writes there), and kForcedFile, which is written anew before every start and read last, so that its word
/// counts.
#pragma once

#include <string>

#include "engines/engine.h"

namespace spawnd::engines::redis {

inline constexpr const char* kForcedFile = "spawnd.conf";
/// A backup that was put into the data directory under this name becomes the data set at the next start.
inline constexpr const char* kRestoreFile = "spawnd-restore.rdb";

std::string SocketPath(const Paths& paths);

/// Makes redis.conf.
Command FirstFilesCommand(const Launch& launch);
Command ServerCommand(const Launch& launch);
std::string ForcedSettings(const Launch& launch);

}  // namespace spawnd::engines::redis
