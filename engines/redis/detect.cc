#include "engines/redis/detect.h"

#include <iterator>

#include "engines/redis/redis_engine.h"
#include "engines/server_search.h"
#include "engines/version.h"

namespace spawnd::engines::redis {
namespace {

/// The oldest whose persistence and access lists work as launch.cc needs them.
constexpr std::string_view kOldest = "6.2";

/// The server's program below an installation's root, best first. A root that has both counts as Redis.
constexpr const char* kServerPrograms[] = {"bin/redis-server", "bin/valkey-server"};

std::string_view FirstPart(std::string_view version) {
  return version.substr(0, version.find('.'));
}

}  // namespace

std::string_view RedisEngine::InstallHint() const {
  return "Install it with `apt install redis-server` and `systemctl disable --now redis-server`, or unpack "
         "Redis or "
         "Valkey into a folder of its own (bin/redis-server or bin/valkey-server) and name that under "
         "engineSearchPaths in the daemon's configuration.";
}

std::vector<std::string> RedisEngine::UsualPlaces() const {
  return {"/usr", "/usr/local", "/opt"};
}

std::vector<Installation> RedisEngine::Detect(const std::vector<std::string>& places,
                                              const ServerRun& run) const {
  ServerSearch search;
  search.engine = "redis";
  search.folders = RootsIn(places);
  search.programs.assign(std::begin(kServerPrograms), std::end(kServerPrograms));
  search.version_of = ParseVersionOutput;
  search.product_of = [](std::string_view says) { return says.rfind("Valkey", 0) == 0 ? "Valkey" : ""; };
  search.problem_of = [](const Installation& found) -> std::string {
    return VersionLess(found.version, kOldest) ? "it is older than " + std::string(kOldest) : "";
  };
  return FindServers(search, run);
}

std::string ParseVersionOutput(std::string_view output) {
  for (const std::string_view start : {"Redis server v=", "Valkey server v="}) {
    if (output.substr(0, start.size()) != start) continue;
    output.remove_prefix(start.size());
    return std::string(output.substr(0, output.find_first_of(" \r\n")));
  }
  return {};
}

/// "7.0" of "7.0.15": a newer minor version writes files that an older one cannot read.
std::string RedisEngine::MajorVersion(std::string_view version) const {
  const size_t first = version.find('.');
  if (first == std::string_view::npos) return std::string(version);
  return std::string(version.substr(0, version.find('.', first + 1)));
}

/// True when `installed` has the major version of `wanted` and is not older: data only goes up.
bool RedisEngine::Satisfies(std::string_view installed, std::string_view wanted) const {
  if (wanted.empty() || FirstPart(installed) != FirstPart(wanted)) return false;
  return !VersionLess(MajorVersion(installed), MajorVersion(wanted));
}

}  // namespace spawnd::engines::redis
