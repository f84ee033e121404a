#include <algorithm>

#include "engines/mysql_family/family_engine.h"
#include "engines/mysql_family/plugin_folder.h"
#include "engines/server_search.h"

namespace spawnd::engines::mysql_family {

/// The folder that has any library at all is the one that a server loads from.
std::vector<std::string> PluginLibraries(const Installation& installation) {
  for (const char* below : {"/lib/mysql/plugin", "/lib/plugin", "/lib64/mysql/plugin"}) {
    std::vector<std::string> libraries;
    for (std::string& name : ChildrenOf(installation.root + below)) {
      if (name.ends_with(".so")) libraries.push_back(std::move(name));
    }
    if (!libraries.empty()) return libraries;
  }
  return {};
}

std::vector<std::string> FamilyEngine::UsualPlaces() const {
  return product_.package_folders;
}

std::vector<Installation> FamilyEngine::Detect(const std::vector<std::string>& places,
                                               const ServerRun& run) const {
  return FindServers({std::string(product_.name), RootsIn(places), product_.server_programs,
                      product_.version_of, product_.problem_of},
                     run);
}

std::vector<MissingLibrary> FamilyEngine::MissingLibraries(const Installation& installation,
                                                           const std::vector<UsedLibrary>& used) const {
  const std::vector<std::string> libraries = PluginLibraries(installation);
  if (libraries.empty()) return {};
  std::vector<MissingLibrary> missing;
  for (const UsedLibrary& library : used) {
    const auto is_it = [&library](const std::string& file) {
      return file == library.file || file == library.file + ".so";
    };
    if (std::none_of(libraries.begin(), libraries.end(), is_it)) missing.push_back({library, ""});
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
