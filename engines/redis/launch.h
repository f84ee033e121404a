/// What the rest of the engine knows of how a Redis server is started. Pure.
///
/// Two files make the configuration: redis.conf in the data directory, which is the user's (CONFIG REWRITE
/// writes there), and spawnd.conf, which is written anew before every start and read last, so that its word
/// counts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engines/parts.h"

namespace spawnd::engines::redis {

/// A backup that was put into the data directory under this name becomes the data set at the next start.
inline constexpr const char* kRestoreFile = "spawnd-restore.rdb";

std::string SocketPath(const Paths& paths);

/// The keeper's own user, in a server whose clients may do less than it has to.
inline constexpr std::string_view kKeeper = "spawnd";

/// The words of an access list for users that are no superuser: all data, nothing of the server.
const std::vector<std::string_view>& OwnerRules();

}  // namespace spawnd::engines::redis
