/// The daemon's libuv loop and the few handles that need no more than a callback. Everything here belongs to
/// the loop thread. Each object may be destroyed inside its own callback: libuv's handle is freed only in its
/// close callback, on the loop's next turn.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "base/result.h"

typedef struct uv_loop_s uv_loop_t;

namespace spawnd::daemon {

class EventLoop {
 public:
  static Result<std::unique_ptr<EventLoop>> Make();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  /// Every handle's owner is gone before the loop is; runs the close callbacks that are still due.
  ~EventLoop();

  uv_loop_t* Get() const { return loop_.get(); }
  /// Returns when nothing is left that could call back, or after Stop.
  void Run();
  void Stop();

 private:
  explicit EventLoop(std::unique_ptr<uv_loop_t> loop);
  std::unique_ptr<uv_loop_t> loop_;
};

/// Something that calls back until it is destroyed.
class Watch {
 public:
  virtual ~Watch() = default;
};

/// Calls back after `first`, then every `repeat` (zero: once). A clock that jumps does not matter.
Result<std::unique_ptr<Watch>> WatchTime(uv_loop_t* loop, std::chrono::milliseconds first,
                                         std::chrono::milliseconds repeat, std::function<void()> callback);
/// Calls back when the process receives `signal_number`.
Result<std::unique_ptr<Watch>> WatchSignal(uv_loop_t* loop, int signal_number,
                                           std::function<void()> callback);
/// Calls back, again and again, while `fd` is readable or at its end. `fd` stays the caller's and must stay
/// open until the Watch is destroyed.
Result<std::unique_ptr<Watch>> WatchReadable(uv_loop_t* loop, int fd, std::function<void()> callback);

}  // namespace spawnd::daemon
