/// What the rest of the engine knows of how a Redis server is started. Pure.
///
/// Two files make the configuration: redis.conf in the data directory, which is the user's (CONFIG REWRITE
/// writes there), and spawnd.conf, which is written anew before every start and read last, so that its word
/// counts.
#pragma once

#include <string>

#include "engines/parts.h"

namespace spawnd::engines::redis {

/// A backup that was put into the data directory under this name becomes the data set at the next start.
inline constexpr const char* kRestoreFile = "spawnd-restore.rdb";

std::string SocketPath(const Paths& paths);

}  // namespace spawnd::engines::redis
