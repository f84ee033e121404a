#include "daemon/loop/event_loop.h"

#include <uv.h>

#include <string>
#include <utility>

namespace spawnd::daemon {
namespace {

/// What a handle needs to outlive its Watch: libuv may look at it until its close callback.
template <typename Handle>
struct Box {
  Handle handle{};
  std::function<void()> callback;
};

template <typename Handle>
class BoxedWatch final : public Watch {
 public:
  explicit BoxedWatch(Box<Handle>* box) : box_(box) {}
  ~BoxedWatch() override {
    uv_close(reinterpret_cast<uv_handle_t*>(&box_->handle),
             [](uv_handle_t* handle) { delete static_cast<Box<Handle>*>(handle->data); });
  }

 private:
  Box<Handle>* box_;
};

template <typename Handle, typename Init, typename Start>
Result<std::unique_ptr<Watch>> MakeWatch(std::function<void()>&& callback, std::string_view what, Init init,
                                         Start start) {
  auto box = std::make_unique<Box<Handle>>();
  box->callback = std::move(callback);
  box->handle.data = box.get();
  if (const int code = init(&box->handle); code != 0) {
    return FailErrno(-code, "cannot watch " + std::string(what));
  }
  Handle* handle = &box->handle;
  auto watch = std::make_unique<BoxedWatch<Handle>>(box.release());  // from here on closed, not deleted
  if (const int code = start(handle); code != 0) {
    return FailErrno(-code, "cannot watch " + std::string(what));
  }
  return watch;
}

template <typename Handle>
void Call(Handle* handle) {
  static_cast<Box<Handle>*>(handle->data)->callback();
}

}  // namespace

EventLoop::EventLoop(std::unique_ptr<uv_loop_t> loop) : loop_(std::move(loop)) {}

Result<std::unique_ptr<EventLoop>> EventLoop::Make() {
  auto loop = std::make_unique<uv_loop_t>();
  if (const int code = uv_loop_init(loop.get()); code != 0)
    return FailErrno(-code, "cannot make an event loop");
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(loop)));
}

EventLoop::~EventLoop() {
  uv_run(loop_.get(), UV_RUN_NOWAIT);
  // A handle that somebody still owns makes this EBUSY; its memory then stays valid, as its owner expects.
  if (uv_loop_close(loop_.get()) != 0) static_cast<void>(loop_.release());
}

void EventLoop::Run() {
  uv_run(loop_.get(), UV_RUN_DEFAULT);
}

void EventLoop::Stop() {
  uv_stop(loop_.get());
}

Result<std::unique_ptr<Watch>> WatchTime(uv_loop_t* loop, std::chrono::milliseconds first,
                                         std::chrono::milliseconds repeat, std::function<void()> callback) {
  return MakeWatch<uv_timer_t>(
      std::move(callback), "the clock", [loop](uv_timer_t* timer) { return uv_timer_init(loop, timer); },
      [first, repeat](uv_timer_t* timer) {
        // libuv counts from the time it last looked at the clock, which may be long ago before the loop runs.
        uv_update_time(timer->loop);
        return uv_timer_start(timer, Call<uv_timer_t>, static_cast<uint64_t>(first.count()),
                              static_cast<uint64_t>(repeat.count()));
      });
}

Result<std::unique_ptr<Watch>> WatchSignal(uv_loop_t* loop, int signal_number,
                                           std::function<void()> callback) {
  return MakeWatch<uv_signal_t>(
      std::move(callback), "signal " + std::to_string(signal_number),
      [loop](uv_signal_t* signal) { return uv_signal_init(loop, signal); },
      [signal_number](uv_signal_t* signal) {
        return uv_signal_start(
            signal, [](uv_signal_t* handle, int) { Call(handle); }, signal_number);
      });
}

Result<std::unique_ptr<Watch>> WatchReadable(uv_loop_t* loop, int fd, std::function<void()> callback) {
  return MakeWatch<uv_poll_t>(
      std::move(callback), "a descriptor",
      [loop, fd](uv_poll_t* poll) { return uv_poll_init(loop, poll, fd); },
      [](uv_poll_t* poll) {
        // A status below zero (the other end broke) counts as readable: the owner reads and sees it.
        return uv_poll_start(poll, UV_READABLE | UV_DISCONNECT,
                             [](uv_poll_t* handle, int, int) { Call(handle); });
      });
}

}  // namespace spawnd::daemon
