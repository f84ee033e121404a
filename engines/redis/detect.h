/// Where Redis and Valkey servers are found on this machine, and what their version numbers mean. Runs
/// "redis-server --version" of each candidate; called at daemon start, from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engines/engine.h"

namespace spawnd::engines::redis {

/// The server's program below an installation's root, best first. A root that has both counts as Redis.
inline constexpr const char* kServerPrograms[] = {"bin/redis-server", "bin/valkey-server"};

/// /usr, /usr/local, folders of /opt, and `search_paths`, each a root or a folder of roots. Newest first.
std::vector<Installation> DetectInstallations(const std::vector<std::string>& search_paths);

/// "7.0.15" of "Redis server v=7.0.15 sha=..." and of "Valkey server v=8.1.1 ..."; empty: something else.
std::string ParseVersionOutput(std::string_view output);

/// "7.0" of "7.0.15": a newer minor version writes files that an older one cannot read.
std::string MinorVersionOf(std::string_view version);

/// True when `installed` has the major version of `wanted` and is not older: data only goes up.
bool CanServe(std::string_view installed, std::string_view wanted);

}  // namespace spawnd::engines::redis
