/// The engines that are installed on this machine, as found at start and looked for again when one is
/// missing.
///
/// What is on a search path is not trusted to be a server: it is asked for its version where it can do no
/// harm, and not at all where somebody but root could put another program in its place.
///
/// Thread-safe. Finding runs "<server> --version" of each candidate, so only the calls that say so block.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engines/engine.h"

namespace spawnd::daemon {

/// Why nothing of the installation at `root` may be run, its program `program` (absolute) least of all: it,
/// the installation's folder or one between them belongs to or can be written by somebody who is neither root
/// nor the daemon's own user. Empty: it may. For what is above the root, whoever named the search path
/// vouches.
std::string WhyUntrusted(const std::string& root, const std::string& program);

class Installations {
 public:
  /// Takes settings of Config. `usual_places`: search where packages put engines, too. `run` is called by
  /// Detect, from any thread.
  Installations(std::vector<std::string> search_paths, bool usual_places,
                std::set<std::string> accepted_licences, engines::ServerRun run)
      : search_paths_(std::move(search_paths)),
        usual_places_(usual_places),
        accepted_licences_(std::move(accepted_licences)),
        run_(std::move(run)) {}

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
  /// A program as it was when it said something: another one has another of these.
  struct Asked {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t size = 0;
    int64_t modified = 0;  ///< nanoseconds
    int64_t changed = 0;
    bool operator==(const Asked&) const = default;
  };
  static std::optional<Asked> LookAt(const std::string& program);
  /// As run_, but who has said its version is not asked again while it is the same file: everybody may ask
  /// for a list as often as he likes. One that failed is asked again, because what it lacked may be there
  /// now.
  Result<ProcessOutput> RunOnce(const std::string& root, const engines::Command& command);

  const engines::ServerRun run_;
  mutable std::mutex mutex_;
  std::map<std::vector<std::string>, std::pair<Asked, ProcessOutput>> answers_;  ///< by argv
  std::vector<engines::Installation> found_;
};

}  // namespace spawnd::daemon
