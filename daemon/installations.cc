#include "daemon/installations.h"

#include <unistd.h>

#include <utility>

#include "engines/registry.h"

namespace spawnd::daemon {

void Installations::Detect() {
  std::vector<engines::Installation> found;
  for (const engines::Engine* engine : engines::AllEngines()) {
    for (engines::Installation& one : engine->Detect(search_paths_)) found.push_back(std::move(one));
  }
  const std::lock_guard lock(mutex_);
  found_ = std::move(found);
}

Result<engines::Installation> Installations::Choose(const engines::Engine& engine,
                                                    std::string_view wanted) const {
  std::vector<engines::Installation> of_engine;
  {
    const std::lock_guard lock(mutex_);
    for (const engines::Installation& one : found_) {
      if (one.engine == engine.Name()) of_engine.push_back(one);
    }
  }
  return engines::ChooseInstallation(engine, of_engine, wanted);
}

Result<engines::Installation> Installations::ChooseOrDetect(const engines::Engine& engine,
                                                            std::string_view wanted) {
  auto chosen = Choose(engine, wanted);
  if (chosen && ::access(chosen->root.c_str(), F_OK) == 0) return chosen;
  Detect();
  return Choose(engine, wanted);
}

std::vector<std::string> Installations::Describe() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> lines;
  for (const engines::Installation& one : found_) {
    lines.push_back(one.engine + " " + one.version + " in " + one.root);
  }
  return lines;
}

}  // namespace spawnd::daemon
