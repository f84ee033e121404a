/// Watches whether containers run out of memory: the kernel ends a process of one without a word to anybody,
/// and its server may go on. Every few seconds, by a job.
///
/// Loop thread only. Nothing here survives the process.
#pragma once

#include <memory>

#include "base/result.h"
#include "daemon/loop/event_loop.h"

namespace spawnd::daemon {

class Containers;
class ControlGroups;
class Jobs;
class Mailbox;

class MemoryWatch {
 public:
  /// All outlive this but for the jobs, which have stopped before it goes.
  struct Uses {
    Containers& containers;
    const ControlGroups& groups;
    Jobs& jobs;
    Mailbox& mailbox;
  };
  explicit MemoryWatch(Uses uses) : uses_(uses) {}
  MemoryWatch(const MemoryWatch&) = delete;
  MemoryWatch& operator=(const MemoryWatch&) = delete;

  Result<void> Start(uv_loop_t* loop);

 private:
  void Look();

  const Uses uses_;
  bool looking_ = false;
  std::unique_ptr<Watch> timer_;
};

}  // namespace spawnd::daemon
