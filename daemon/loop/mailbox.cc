#include "daemon/loop/mailbox.h"

#include <uv.h>

#include <deque>
#include <mutex>
#include <utility>

namespace spawnd::daemon {

/// What the mailbox, its posters and libuv share.
class Mailbox::Slot : public std::enable_shared_from_this<Slot> {
 public:
  Result<void> Open(uv_loop_t* loop) {
    auto async = std::make_unique<uv_async_t>();
    if (const int code = uv_async_init(loop, async.get(), Wake); code != 0) {
      return FailErrno(-code, "cannot make a mailbox");
    }
    async_ = async.release();
    // The handle keeps the slot alive until it is closed; the slot must not own the handle's memory.
    async_->data = new std::shared_ptr<Slot>(shared_from_this());
    return {};
  }

  void Post(Message message) {
    const std::lock_guard lock(mutex_);
    if (async_ == nullptr) return;
    messages_.push_back(std::move(message));
    // Under the lock: after Close the handle may be gone at any time.
    uv_async_send(async_);
  }

  void Close() {
    std::deque<Message> dropped;  // destroyed without the lock: a message may own anything
    uv_async_t* async = nullptr;
    {
      const std::lock_guard lock(mutex_);
      async = std::exchange(async_, nullptr);
      dropped.swap(messages_);
    }
    if (async == nullptr) return;
    uv_close(reinterpret_cast<uv_handle_t*>(async), [](uv_handle_t* handle) {
      delete static_cast<std::shared_ptr<Slot>*>(handle->data);
      delete reinterpret_cast<uv_async_t*>(handle);
    });
  }

 private:
  static void Wake(uv_async_t* async) {
    const std::shared_ptr<Slot> slot = *static_cast<std::shared_ptr<Slot>*>(async->data);
    slot->RunWaiting();
  }

  /// Runs what waits now and not what these messages post in turn, so that the loop gets to its sockets in
  /// between.
  void RunWaiting() {
    size_t count = 0;
    {
      const std::lock_guard lock(mutex_);
      count = messages_.size();
    }
    for (; count > 0; --count) {
      Message message;
      {
        const std::lock_guard lock(mutex_);
        if (messages_.empty()) return;  // closed by a message before
        message = std::move(messages_.front());
        messages_.pop_front();
      }
      message();
    }
  }

  std::mutex mutex_;
  std::deque<Message> messages_;
  uv_async_t* async_ = nullptr;  ///< null: closed
};

void Mailbox::Post(Message message) {
  // A reference of this call's own: the message may run, and destroy this mailbox, before Post returns.
  const std::shared_ptr<Slot> slot = slot_;
  slot->Post(std::move(message));
}

std::function<void(Mailbox::Message)> Mailbox::Posting() const {
  return [slot = slot_](Message message) { slot->Post(std::move(message)); };
}

void Mailbox::Close() {
  slot_->Close();
}

Result<std::unique_ptr<Mailbox>> MakeMailbox(uv_loop_t* loop) {
  auto slot = std::make_shared<Mailbox::Slot>();
  TRY(slot->Open(loop));
  return std::unique_ptr<Mailbox>(new Mailbox(std::move(slot)));
}

}  // namespace spawnd::daemon
