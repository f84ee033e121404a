/// The engines that are installed on this machine, as found at start and looked for again when one is
/// missing.
///
/// Thread-safe. Finding runs "<server> --version" of each candidate, so only the calls that say so block.
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/engine.h"

namespace spawnd::daemon {

class Installations {
 public:
  /// Takes settings of Config. `usual_places`: search where packages put engines, too.
  Installations(std::vector<std::string> search_paths, bool usual_places,
                std::set<std::string> accepted_licences)
      : search_paths_(std::move(search_paths)),
        usual_places_(usual_places),
        accepted_licences_(std::move(accepted_licences)) {}

  /// Looks at the whole machine. Blocks.
  void Detect();
  /// Chooses among what Detect found by `wanted` (empty: the newest). kUnsupported as ChooseInstallation
  /// says.
  Result<engines::Installation> Choose(const engines::Engine& engine, std::string_view wanted) const;
  /// The same, but looks again before it says no, so that a version installed a moment ago is found, and one
  /// that was removed is not. Blocks.
  Result<engines::Installation> ChooseOrDetect(const engines::Engine& engine, std::string_view wanted);

  /// Everything Detect found, also what cannot be used.
  std::vector<engines::Installation> All() const;
  /// One line each for the log: "postgresql 15.20 in /usr/lib/postgresql/15".
  std::vector<std::string> Describe() const;

 private:
  const std::vector<std::string> search_paths_;
  const bool usual_places_;
  const std::set<std::string> accepted_licences_;
  mutable std::mutex mutex_;
  std::vector<engines::Installation> found_;
};

}  // namespace spawnd::daemon
