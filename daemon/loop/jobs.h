/// Work that may block, on the daemon's own threads; results come back to the loop thread through one
/// mailbox. Which of the waiting jobs is next is a FairQueue's to say.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <utility>

#include "base/error.h"
#include "daemon/loop/fair_queue.h"
#include "daemon/loop/mailbox.h"

namespace spawnd::daemon {

/// Why a job does not begin at once.
struct JobQueued {
  size_t own_running = 0;  ///< of the same owner
  size_t all_running = 0;
};

struct JobCounts {
  size_t places = 0;
  size_t running = 0;
  size_t waiting = 0;
};

struct Job {
  JobOwner owner;
  std::function<void(std::stop_token)> work;
  /// Somebody may give it up: when this says so while it waits in line, or when Stop drops it, `dropped` is
  /// called in its place, once, with the reason, on whichever thread that happens.
  std::stop_token gone{};
  std::function<void(const Error&)> dropped{};
  /// Called from within Run when it has to wait, before its work can begin. Must not call its Jobs.
  std::function<void(const JobQueued&)> queued{};
};

class Jobs {
 public:
  /// A thread for each of `places.all`.
  static std::unique_ptr<Jobs> Start(const Places& places);
  virtual ~Jobs() = default;  ///< As Stop.
  virtual void Run(Job job) = 0;
  void Run(JobOwner owner, std::function<void(std::stop_token)> work) { Run(Job{owner, std::move(work)}); }
  /// How many jobs of that user run at this moment.
  virtual size_t RunningOf(uid_t uid) = 0;
  virtual JobCounts Counts() = 0;
  /// Asks all jobs to stop, waits for those that run, drops those that wait and whatever comes later. One
  /// thread calls it; not one of these.
  virtual void Stop() = 0;
};

}  // namespace spawnd::daemon
