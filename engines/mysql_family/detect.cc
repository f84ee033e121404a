#include <unistd.h>

#include <algorithm>

#include "engines/mysql_family/family_engine.h"
#include "engines/server_search.h"

namespace spawnd::engines::mysql_family {

std::vector<std::string> FamilyEngine::UsualPlaces() const {
  return product_.package_folders;
}

std::vector<Installation> FamilyEngine::Detect(const std::vector<std::string>& places,
                                               const ServerRun& run) const {
  return FindServers({std::string(product_.name), RootsIn(places), product_.server_programs,
                      product_.version_of, product_.problem_of},
                     run);
}

/// The folder that has any library at all is the one that a server loads from.
std::vector<MissingLibrary> FamilyEngine::MissingLibraries(const Installation& installation,
                                                           const std::vector<UsedLibrary>& used) const {
  std::string folder;
  for (const char* below : {"/lib/mysql/plugin", "/lib/plugin", "/lib64/mysql/plugin"}) {
    const auto names = ChildrenOf(installation.root + below);
    const auto is_library = [](const std::string& name) { return name.ends_with(".so"); };
    if (folder.empty() && std::any_of(names.begin(), names.end(), is_library)) {
      folder = installation.root + below;
    }
  }
  if (folder.empty()) return {};
  std::vector<MissingLibrary> missing;
  for (const UsedLibrary& library : used) {
    const std::string path = folder + "/" + library.file;
    if (::access(path.c_str(), F_OK) == 0 || ::access((path + ".so").c_str(), F_OK) == 0) continue;
    missing.push_back({library, ""});
  }
  return missing;
}

bool FamilyEngine::Satisfies(std::string_view installed, std::string_view wanted) const {
  const std::string series = SeriesOf(wanted);
  if (series.empty()) return false;
  // "10" is any 10.x, as "11.4.2" is any 11.4.
  const std::string have = SeriesOf(installed);
  return have == series || (series.find('.') == std::string::npos && have.rfind(series + ".", 0) == 0);
}

std::string FamilyEngine::MajorVersion(std::string_view version) const {
  return SeriesOf(version);
}

}  // namespace spawnd::engines::mysql_family
