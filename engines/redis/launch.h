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
#include "engines/redis/product.h"

namespace spawnd::engines::redis {

/// What is in this folder of the data directory becomes the data set at the next start.
inline constexpr const char* kRestoreFolder = "spawnd-restore";

/// What the server may be called in the container, best first, with spaces between. For a script: which of
/// them is there, only who runs there sees.
std::string ServerPrograms(const Product& product, const Paths& paths);

std::string SocketPath(const Paths& paths);

/// The keeper's own user, in a server whose clients may do less than it has to.
inline constexpr std::string_view kKeeper = "spawnd";

/// The words of an access list for users that are no superuser: all data, nothing of the server.
const std::vector<std::string_view>& OwnerRules();

/// Commands that the server of a build does not have, whatever its access lists say: what reaches another
/// server, and what ends this one.
const std::vector<std::string_view>& NotInBuilds();

/// Settings that spawnd decides (RedisEngine::RefusedSettings), in lower case with '_'.
std::vector<std::string_view> RefusedNames();

}  // namespace spawnd::engines::redis
