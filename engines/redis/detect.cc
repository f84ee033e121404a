#include "engines/redis/detect.h"

#include <iterator>

#include "engines/server_search.h"
#include "engines/version.h"

namespace spawnd::engines::redis {
namespace {

/// The oldest whose persistence and access lists work as launch.h needs them.
constexpr std::string_view kOldest = "6.2";

std::string_view FirstPart(std::string_view version) {
  return version.substr(0, version.find('.'));
}

}  // namespace

std::vector<Installation> DetectInstallations(const std::vector<std::string>& search_paths) {
  ServerSearch search;
  search.engine = "redis";
  search.folders = {"/usr", "/usr/local"};
  for (const std::string& child : ChildrenOf("/opt")) search.folders.push_back(child);
  for (const std::string& path : search_paths) {
    search.folders.push_back(path);
    for (const std::string& child : ChildrenOf(path)) search.folders.push_back(child);
  }
  search.programs.assign(std::begin(kServerPrograms), std::end(kServerPrograms));
  search.version_of = ParseVersionOutput;
  search.problem_of = [](const Installation& found) -> std::string {
    return VersionLess(found.version, kOldest) ? "it is older than " + std::string(kOldest) : "";
  };
  return FindServers(search);
}

std::string ParseVersionOutput(std::string_view output) {
  for (const std::string_view start : {"Redis server v=", "Valkey server v="}) {
    if (output.substr(0, start.size()) != start) continue;
    output.remove_prefix(start.size());
    return std::string(output.substr(0, output.find_first_of(" \r\n")));
  }
  return {};
}

std::string MinorVersionOf(std::string_view version) {
  const size_t first = version.find('.');
  if (first == std::string_view::npos) return std::string(version);
  return std::string(version.substr(0, version.find('.', first + 1)));
}

bool CanServe(std::string_view installed, std::string_view wanted) {
  if (wanted.empty() || FirstPart(installed) != FirstPart(wanted)) return false;
  return !VersionLess(MinorVersionOf(installed), MinorVersionOf(wanted));
}

}  // namespace spawnd::engines::redis
