/// Work that may block, on the daemon's own threads; results come back to the loop thread through one
/// mailbox.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include "base/error.h"
#include "daemon/loop/mailbox.h"

namespace spawnd::daemon {

class Jobs {
 public:
  /// `threads`: how many jobs run at once; more wait in line, first come first served.
  static std::unique_ptr<Jobs> Start(size_t threads);
  virtual ~Jobs() = default;  ///< As Stop.
  virtual void Run(std::function<void(std::stop_token)> job) = 0;
  /// The same for a job that somebody may give up: when `gone` says so while it waits in line, or when Stop
  /// drops it, `dropped` is called in its place, once, with the reason, on whichever thread that happens.
  virtual void RunUnless(std::stop_token gone, std::function<void(std::stop_token)> job,
                         std::function<void(const Error&)> dropped) = 0;
  /// Asks all jobs to stop, waits for those that run, drops those that wait and whatever comes later. One
  /// thread calls it; not one of these.
  virtual void Stop() = 0;
};

}  // namespace spawnd::daemon
