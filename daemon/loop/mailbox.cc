#include "daemon/loop/mailbox.h"

#include <uv.h>

#include <deque>
#include <mutex>
#include <utility>

#include "daemon/loop/jobs.h"

namespace spawnd::daemon {
namespace {

class UvLoopQueue final : public LoopQueue, public std::enable_shared_from_this<UvLoopQueue> {
 public:
  Result<void> Open(uv_loop_t* loop) {
    auto async = std::make_unique<uv_async_t>();
    if (const int code = uv_async_init(loop, async.get(), Wake); code != 0) {
      return FailErrno(-code, "cannot make a mailbox");
    }
    async_ = async.release();
    // The handle keeps the queue alive until it is closed; the queue must not own the handle's memory.
    async_->data = new std::shared_ptr<UvLoopQueue>(shared_from_this());
    return {};
  }

  void Post(std::function<void()> message) override {
    const std::lock_guard lock(mutex_);
    if (async_ == nullptr) return;
    messages_.push_back(std::move(message));
    // Under the lock: after Close the handle may be gone at any time.
    uv_async_send(async_);
  }

  void Close() override {
    std::deque<std::function<void()>> dropped;  // destroyed without the lock: a message may own anything
    uv_async_t* async = nullptr;
    {
      const std::lock_guard lock(mutex_);
      async = std::exchange(async_, nullptr);
      dropped.swap(messages_);
    }
    if (async == nullptr) return;
    uv_close(reinterpret_cast<uv_handle_t*>(async), [](uv_handle_t* handle) {
      delete static_cast<std::shared_ptr<UvLoopQueue>*>(handle->data);
      delete reinterpret_cast<uv_async_t*>(handle);
    });
  }

 private:
  static void Wake(uv_async_t* async) {
    const std::shared_ptr<UvLoopQueue> queue = *static_cast<std::shared_ptr<UvLoopQueue>*>(async->data);
    queue->RunWaiting();
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
      std::function<void()> message;
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
  std::deque<std::function<void()>> messages_;
  uv_async_t* async_ = nullptr;  ///< null: closed
};

class QueueMailbox final : public Mailbox {
 public:
  explicit QueueMailbox(std::shared_ptr<LoopQueue> queue) : queue_(std::move(queue)) {}
  ~QueueMailbox() override { queue_->Close(); }
  void Post(std::function<void()> message) override {
    // A reference of this call's own: the message may run, and destroy this mailbox, before the queue's Post
    // returns.
    const std::shared_ptr<LoopQueue> queue = queue_;
    queue->Post(std::move(message));
  }

 private:
  std::shared_ptr<LoopQueue> queue_;
};

}  // namespace

Result<std::shared_ptr<LoopQueue>> MakeLoopQueue(uv_loop_t* loop) {
  auto queue = std::make_shared<UvLoopQueue>();
  TRY(queue->Open(loop));
  return queue;
}

Result<std::unique_ptr<Mailbox>> MakeMailbox(uv_loop_t* loop) {
  TRY_ASSIGN(auto queue, MakeLoopQueue(loop));
  return std::make_unique<QueueMailbox>(std::move(queue));
}

}  // namespace spawnd::daemon
