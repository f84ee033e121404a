#include "engines/redis/redis_engine.h"
#include "engines/server_search.h"
#include "engines/version.h"

namespace spawnd::engines::redis {
namespace {

std::string_view FirstPart(std::string_view version) {
  return version.substr(0, version.find('.'));
}

}  // namespace

std::vector<std::string> RedisEngine::UsualPlaces() const {
  return {"/usr", "/usr/local", "/opt"};
}

/// A program of the other product by this one's name is not taken: each says which it is.
std::vector<Installation> RedisEngine::Detect(const std::vector<std::string>& places,
                                              const ServerRun& run) const {
  ServerSearch search;
  search.engine = product_.name;
  search.folders = RootsIn(places);
  search.programs.assign(product_.server_programs.begin(), product_.server_programs.end());
  search.version_of = [this](std::string_view says) {
    return std::string(VersionAfter(product_.version_words, says));
  };
  search.problem_of = [this](const Installation& found) -> std::string {
    return VersionLess(found.version, product_.oldest) ? "it is older than " + std::string(product_.oldest)
                                                       : "";
  };
  return FindServers(search, run);
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
