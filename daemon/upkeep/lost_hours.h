/// Counts the hours that things have been in lost+found, and removes what has been there for 14 days, saying
/// so (daemon/store/lost_things.h). Sweeps the logs of failed builds at the start, and each hour.
///
/// Loop thread; counting and removing are a job.
#pragma once

#include <chrono>
#include <memory>

#include "base/result.h"
#include "daemon/loop/event_loop.h"
#include "daemon/loop/jobs.h"
#include "daemon/store/layout.h"

namespace spawnd::daemon {

class LostHours {
 public:
  LostHours(const StoreLayout& layout, Jobs& jobs) : layout_(layout), jobs_(jobs) {}
  LostHours(const LostHours&) = delete;
  LostHours& operator=(const LostHours&) = delete;

  /// The first hour counts from now. A test need not wait for one.
  Result<void> Start(uv_loop_t* loop, std::chrono::milliseconds hour = std::chrono::hours(1));

 private:
  void Count();
  void Sweep();

  const StoreLayout& layout_;
  Jobs& jobs_;
  std::unique_ptr<Watch> timer_;
};

}  // namespace spawnd::daemon
