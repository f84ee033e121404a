/// One standby: a thread that makes its base copy, keeps its server running, watches it and the primary, cuts
/// it and takes it down. What it is stands in its row before it is done (SourceTable::SetStandby), so that
/// the next daemon goes on by the row alone.
///
/// Made, asked and destroyed on the loop thread. Everything else is on the thread, straight on and blocking.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "daemon/build/context.h"
#include "daemon/sources/standby_container.h"

namespace spawnd::daemon {

class StandbyThread {
 public:
  using Done = std::function<void(Result<void>)>;
  /// An image of what it has received, and the position in the primary's log.
  struct Cut {
    int64_t image_id = 0;
    int64_t replaced_image_id = 0;  ///< on which it lay until now; 0: on none
    std::string position;
  };
  using CutDone = std::function<void(Result<Cut>)>;

  /// `checked`: called once on the loop, if at all, when the primary has been asked and can be followed, or
  /// why it cannot; with an error nothing is left. Empty for one that the daemon found at its start.
  StandbyThread(BuildHost& host, int64_t source_id, Done checked);
  StandbyThread(const StandbyThread&) = delete;
  StandbyThread& operator=(const StandbyThread&) = delete;
  /// Ends the thread; what runs goes on.
  ~StandbyThread();

  /// `done` is called on the loop.
  void AskForCut(CutDone done);
  /// Takes everything down; the error is what could not be done on the primary. `done` is called on the loop,
  /// and nothing comes after it.
  void AskForEnd(Done done);
  void RequestStop();

 private:
  using Time = std::chrono::steady_clock::time_point;
  enum class Phase { kCopying, kDown, kRunning, kFailed };

  void Run();
  void Work();
  bool Wait();
  // What it does (standby_thread.cc).
  Result<void> Load();
  void StartServer();
  Result<void> LaunchServer();
  Result<void> StartIn(StandbyContainer& container);
  void GoDown(const Error& why);
  void Refuse(const Error& why);
  void Fail(const Error& why);
  void Look();
  Result<void> LookAtPrimary(engines::PrimaryState& primary);
  Result<void> CheckKept(const engines::PrimaryState& primary, uint64_t received);
  Result<engines::PrimaryState> AskPrimary(const StandbyContainer& container) const;
  Result<engines::StandbyState> AskStandby() const;
  void Say(std::string_view state, const std::string& detail, int64_t lag_bytes);
  // The copy (standby_copy.cc).
  void CopyAndStart();
  Result<void> Copy();
  Result<std::unique_ptr<StandbyContainer>> LaunchForCopy();
  Result<void> CheckPrimary(StandbyContainer& container, bool& is_other_version);
  Result<void> RunCopy(StandbyContainer& container);
  Result<void> DropSlot();
  Result<void> DropSlotIn(const StandbyContainer& container, int attempts) const;
  Result<void> RemoveFiles();
  Result<void> ChooseInstallation();
  void TakeOneThatCanAsk();
  void TakeDown(const Done& done);
  // The cut (standby_cut.cc).
  void ServeCuts();
  Result<Cut> MakeCut();
  Result<uint64_t> CatchUp();
  Result<int64_t> SealCut(const std::string& position);

  StandbyContainer::Plan PlanFor(const std::string& directory, FoundPrimary primary) const;
  Result<FoundPrimary> FindIt() const;
  Result<void> Note(const StandbyChange& change);
  template <typename Question>
  auto Ask(Question question) const {
    return AskLoop(host_.mailbox, stop_.get_token(), std::move(question));
  }
  void Answer(std::function<void()> answer) const;

  BuildHost& host_;
  const int64_t source_id_;
  const std::function<void(std::function<void()>)> post_;
  Done checked_;
  std::stop_source stop_;     ///< the daemon stops
  std::stop_source give_up_;  ///< that, or the standby is to end: no longer waits for anything

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::vector<CutDone> cuts_;  ///< that are asked for
  std::optional<Done> end_;    ///< asked for

  // The thread's own.
  SourceRow row_;
  const engines::StandbyRecipe* recipe_ = nullptr;
  engines::Installation installation_;
  Phase phase_ = Phase::kDown;
  std::unique_ptr<StandbyContainer> container_;
  bool may_be_found_ = true;  ///< a server of an earlier daemon may run
  Time next_{};
  int failures_ = 0;
  std::optional<Error> trouble_;  ///< why it does not run, or does not go on
  uint64_t received_ = 0;
  std::thread thread_;
};

}  // namespace spawnd::daemon
