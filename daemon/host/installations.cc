#include "daemon/host/installations.h"

#include <unistd.h>

#include <utility>

#include "engines/registry.h"

namespace spawnd::daemon {

void Installations::Detect() {
  std::vector<engines::Installation> found;
  for (const engines::Engine* engine : engines::AllEngines()) {
    const std::string licence(engine->LicenceKey());
    const bool accepted = licence.empty() || accepted_licences_.count(licence) > 0;
    std::vector<std::string> places = usual_places_ ? engine->UsualPlaces() : std::vector<std::string>();
    places.insert(places.end(), search_paths_.begin(), search_paths_.end());
    for (engines::Installation& one : engine->Detect(places)) {
      if (!accepted && one.problem.empty()) {
        one.problem = "its licence is not accepted: read it, then set " + licence + ": true in spawnd.yaml";
      }
      found.push_back(std::move(one));
    }
  }
  const std::lock_guard lock(mutex_);
  found_ = std::move(found);
}

Result<engines::Installation> Installations::Choose(const engines::Engine& engine,
                                                    std::string_view wanted) const {
  return engines::ChooseInstallation(engine, All(), wanted);
}

Result<engines::Installation> Installations::ChooseOrDetect(const engines::Engine& engine,
                                                            std::string_view wanted) {
  auto chosen = Choose(engine, wanted);
  if (chosen && ::access(chosen->root.c_str(), F_OK) == 0) return chosen;
  Detect();
  return Choose(engine, wanted);
}

std::vector<engines::Installation> Installations::All() const {
  const std::lock_guard lock(mutex_);
  return found_;
}

std::vector<std::string> Installations::Describe() const {
  std::vector<std::string> lines;
  for (const engines::Installation& one : All()) {
    const std::string version = one.version.empty() ? "of unknown version" : one.version;
    const std::string problem = one.problem.empty() ? "" : ", not usable: " + one.problem;
    lines.push_back(one.engine + " " + version + " in " + one.root + problem);
  }
  return lines;
}

}  // namespace spawnd::daemon
