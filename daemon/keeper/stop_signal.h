/// What tells a keeper to stop its engine in order and to end. SIGTERM: the host shuts down, or the daemon
/// asks for it, and then how long the engine may take comes along; a shutdown has the same few seconds for
/// everything. kScopeSignal: systemd ends the scope of all containers. That one goes to every process in
/// there, and only keepers take it for anything: what a server does on its own when all of its processes get
/// a SIGTERM at once is no stop in order.
///
/// The main thread sees it between two orders, and while it waits for an engine that starts. Whatever else it
/// waits for then, a save or a disk, the process ends within the bound: Bound() gives that a thread of its
/// own.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/host/delegation.h"

namespace spawnd::daemon {

/// Of an engine's clean stop when the host shuts down, before it is killed. It recovers at its next start.
inline constexpr std::chrono::seconds kShutdownPatience{12};
/// What comes after that: the file system unmounted, the last commit.
inline constexpr std::chrono::seconds kAfterEngine{6};
static_assert(kShutdownPatience + kAfterEngine < kScopeEnd);

class StopSignal {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Word {
    Time came;
    std::chrono::seconds patience;  ///< with the engine, from then on
  };

  /// Keeps both from this process, and from the threads that it starts from now on.
  StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  /// Polls readable once one has come.
  int Fd() const { return told_.Get(); }
  /// The shortest that was given, once it has come. Safe from any thread, and does not block.
  std::optional<Word> Heard();
  /// Starts the thread, once; not before the last fork. When the time is over, or at once where nothing in
  /// the container is to be kept, `give_up` is called there and the process ends.
  void Bound(bool keep, std::function<void()> give_up);

 private:
  void Watch(bool keep, const std::function<void()>& give_up);

  UniqueFd signals_;
  UniqueFd told_;
  std::mutex mutex_;
  std::optional<Word> word_;
  std::thread watch_;
};

/// The daemon's side: asks the keeper behind a pidfd to stop its engine in order and to end. One of an older
/// build hears it as any other SIGTERM.
Result<void> TellToStop(int process_fd, std::chrono::seconds patience);

}  // namespace spawnd::daemon
