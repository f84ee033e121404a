/// The queue behind a Mailbox: functions from any thread, run on the loop thread in order of posting.
///
/// It is shared, so that a thread may still hold it when the loop side has closed it: what is posted then is
/// dropped, and so is what was still waiting.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"

typedef struct uv_loop_s uv_loop_t;

namespace spawnd::daemon {

class LoopQueue {
 public:
  virtual ~LoopQueue() = default;
  /// Any thread.
  virtual void Post(std::function<void()> message) = 0;
  /// Loop thread; may be called inside a message. Must be called before the loop ends.
  virtual void Close() = 0;
};

/// Loop thread.
Result<std::shared_ptr<LoopQueue>> MakeLoopQueue(uv_loop_t* loop);

}  // namespace spawnd::daemon
