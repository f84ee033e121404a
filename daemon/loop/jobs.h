/// Work that may block, on the daemon's own threads; results come back to the loop thread through one
/// mailbox.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include "base/result.h"

typedef struct uv_loop_s uv_loop_t;

namespace spawnd::daemon {

class Mailbox {
 public:
  virtual ~Mailbox() = default;
  /// Runs `message` on the loop thread, in order of posting. Callable from any thread; messages posted after
  /// the loop has stopped are dropped.
  virtual void Post(std::function<void()> message) = 0;
};

class Jobs {
 public:
  /// `threads`: how many jobs run at once; more wait in line, first come first served.
  static std::unique_ptr<Jobs> Start(size_t threads);
  virtual ~Jobs() = default;  ///< Asks all jobs to stop, waits for those that run, drops those that wait.
  virtual void Run(std::function<void(std::stop_token)> job) = 0;
};

/// The mailbox of a loop. Made and destroyed on the loop thread.
Result<std::unique_ptr<Mailbox>> MakeMailbox(uv_loop_t* loop);

}  // namespace spawnd::daemon
