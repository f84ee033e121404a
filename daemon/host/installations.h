/// The engines that are installed on this machine, as found at start and looked for again when one is
/// missing.
///
/// What is on a search path is not trusted to be a server: it is asked for its version where it can do no
/// harm, and not at all where somebody but root could put another program in its place.
///
/// That asking one has failed, with a deadline or for want of memory, says nothing of it: it is neither there
/// nor not there, and is asked again until it answers. What one has said holds until its file is another one.
///
/// Thread-safe. Finding runs "<server> --version" of each candidate that has not said it yet, so only the
/// calls that say so block. Survives the daemon in a file (version_memory.h).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "daemon/host/version_memory.h"
#include "engines/engine.h"

namespace spawnd::daemon {

/// Why nothing of the installation at `root` may be run, its program `program` (absolute) least of all: it,
/// the installation's folder or one between them belongs to or can be written by somebody who is neither root
/// nor the daemon's own user. Empty: it may. For what is above the root, whoever named the search path
/// vouches.
std::string WhyUntrusted(const std::string& root, const std::string& program);

/// How often it is looked at whether a server is another file now, and how soon one that did not answer is
/// asked again: at first, and at most.
struct AskingPace {
  std::chrono::milliseconds look{std::chrono::seconds(10)};
  std::chrono::milliseconds first_try{std::chrono::seconds(1)};
  std::chrono::milliseconds longest{std::chrono::seconds(60)};
};

class Installations {
 public:
  struct Settings {
    std::vector<std::string> search_paths{};
    bool usual_places = false;  ///< search where packages put engines, too
    std::set<std::string> accepted_licences{};
    std::string memory{};  ///< file that outlives the daemon; empty: none
  };
  /// `run` is called from any thread.
  Installations(Settings settings, engines::ServerRun run)
      : settings_(std::move(settings)), run_(std::move(run)), memory_(settings_.memory) {}
  Installations(const Installations&) = delete;
  Installations& operator=(const Installations&) = delete;
  ~Installations() { StopAsking(); }

  /// Looks at the whole machine. Blocks; who comes while others look waits for one look that began after he
  /// came. `patience`: once so much has been spent on servers that do not answer, the rest is left for later.
  void Detect(std::chrono::milliseconds patience = std::chrono::hours(1));
  /// From now on those that could not be asked are asked again, and one whose file is another one is noticed,
  /// on a thread of its own. `tell` is called there with a line for the log about each change.
  void KeepAsking(std::function<void(const std::string&)> tell, AskingPace pace = {});
  /// Waits for the question that is being asked, if there is one.
  void StopAsking();

  /// Chooses among what Detect found by `wanted` (empty: the newest). Errors: as ChooseInstallation.
  Result<engines::Installation> Choose(const engines::Engine& engine, std::string_view wanted) const;
  /// The same, but looks again before it says no, and when the file of the one that it would choose is
  /// another one: what was installed, upgraded or removed a moment ago is known. Blocks.
  Result<engines::Installation> ChooseOrDetect(const engines::Engine& engine, std::string_view wanted);
  /// The same for data that a server of this full version made (ChooseForData).
  Result<engines::Installation> ForData(const engines::Engine& engine, std::string_view version) const;
  Result<engines::Installation> ForDataOrDetect(const engines::Engine& engine, std::string_view version);

  /// Everything Detect found, also what cannot be used.
  std::vector<engines::Installation> All() const;
  /// One line each for the log: "postgresql 15.20 in /usr/lib/postgresql/15".
  std::vector<std::string> Describe() const;

 private:
  Result<ProcessOutput> RunOnce(const std::string& root, const engines::Command& command);
  std::vector<engines::Installation> Find(std::chrono::milliseconds patience);
  void AskAgain(const std::stop_token& stop, const std::function<void(const std::string&)>& tell,
                AskingPace pace);
  bool AnyUnanswered() const;
  bool AnyReplaced() const;

  const Settings settings_;
  const engines::ServerRun run_;
  VersionMemory memory_;

  std::mutex looking_;  ///< held by who looks
  mutable std::mutex mutex_;
  uint64_t looks_begun_ = 0;
  std::vector<engines::Installation> found_;
  std::condition_variable_any wake_;  ///< something did not answer
  std::jthread asks_;
};

}  // namespace spawnd::daemon
