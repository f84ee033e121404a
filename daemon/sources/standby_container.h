/// The container of a standby: a keeper in a folder below StoreLayout::Standby(), with a volume of its own,
/// that reaches the primary and nothing else. It is in no list and has no row; it is found again by its
/// folder. What runs in it outlives the daemon, as that of every container does.
///
/// One thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "daemon/build/context.h"
#include "daemon/build/run.h"
#include "daemon/keeper/client.h"
#include "daemon/sources/primary.h"

namespace spawnd::daemon {

class StandbyContainer {
 public:
  struct Plan {
    int64_t source_id = 0;
    std::string directory;
    std::string index_path{};  ///< of the image that the volume lies on; empty: it is whole by itself
    bool is_fresh = false;     ///< its file system is to be made
    engines::Installation installation;
    FoundPrimary primary;
  };

  /// Launches it; no server runs in it yet. After an error nothing runs.
  static Result<std::unique_ptr<StandbyContainer>> Launch(BuildHost& host, Plan plan,
                                                          const std::stop_token& stop);
  /// One that runs and follows already, of an earlier daemon and this build. kUnavailable: there is none.
  static Result<std::unique_ptr<StandbyContainer>> Find(BuildHost& host, Plan plan);
  StandbyContainer(const StandbyContainer&) = delete;
  StandbyContainer& operator=(const StandbyContainer&) = delete;
  /// Lets go of it: what runs goes on.
  ~StandbyContainer();

  struct Outcome {
    int exit_code = 0;
    std::string output;  ///< the last kMaxCommandOutput bytes of both outputs
  };
  /// Runs a program as the engine's user to its end. `line`: what is printed, line by line.
  Result<Outcome> Run(const engines::Command& command, std::chrono::seconds deadline,
                      const std::stop_token& stop,
                      const std::function<void(std::string_view)>& line = {}) const;
  Result<void> StartEngine(const std::stop_token& stop);
  /// kUnavailable, and why: it has ended.
  Result<void> CheckRuns() const;
  /// Stops the server and turns its volume into an image. Nothing but End comes after it, also when it fails.
  Result<ImageCompletion> Seal(const BuildContext& context, const PendingImage& image);
  /// Kills all that runs: nothing of the volume is needed any more.
  Result<void> End();
  /// Stops the server in order and ends the keeper, killing it where that takes too long.
  Result<void> StopInOrder(const std::stop_token& stop);
  /// Whether it was launched with what is found now: addresses, password, certificates.
  bool IsUpToDate(const FoundPrimary& now) const;
  /// What the server has printed lately.
  std::string LogTail() const;
  /// For the recipe of the engine.
  engines::Launch Launched() const;

 private:
  StandbyContainer(BuildHost& host, Plan plan) : host_(host), plan_(std::move(plan)) {}
  KeeperSpec Spec() const;
  void GivePortBack();

  BuildHost& host_;
  const Plan plan_;
  uint16_t port_ = 0;  ///< 0: none. It listens nowhere; its user follows from it
  std::unique_ptr<KeeperClient> keeper_;
};

}  // namespace spawnd::daemon
