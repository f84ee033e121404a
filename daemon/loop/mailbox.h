/// How other threads reach the loop thread: functions from any thread, run on the loop thread in order of
/// posting.
///
/// Made, closed and destroyed on the loop thread, before the loop ends; inside a message, too. What is posted
/// after that is dropped, and so is what was still waiting.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"

typedef struct uv_loop_s uv_loop_t;

namespace spawnd::daemon {

class Mailbox {
 public:
  using Message = std::function<void()>;

  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox() { Close(); }

  /// Any thread, while the mailbox is there.
  void Post(Message message);
  /// Post for a thread that may still hold it when the mailbox is gone.
  std::function<void(Message)> Posting() const;
  void Close();

 private:
  class Slot;
  explicit Mailbox(std::shared_ptr<Slot> slot) : slot_(std::move(slot)) {}
  friend Result<std::unique_ptr<Mailbox>> MakeMailbox(uv_loop_t* loop);

  std::shared_ptr<Slot> slot_;
};

/// Loop thread.
Result<std::unique_ptr<Mailbox>> MakeMailbox(uv_loop_t* loop);

}  // namespace spawnd::daemon
