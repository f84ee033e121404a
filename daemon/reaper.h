/// Deletes what has outlived its lifetime: containers, then the images that nobody uses any more; and access
/// tokens, a day after they have stopped to work.
///
/// Loop thread only. Knows nothing that the catalog does not, so a restart loses nothing. One timer, for the
/// next expiry there is; and at least once a minute, because the wall clock, which lifetimes are counted on,
/// can jump while the timer, which does not, waits. A clock that is set back makes everything live longer,
/// never shorter.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "daemon/loop/event_loop.h"

namespace spawnd::daemon {

class Catalog;
class Containers;
class Images;

class Reaper {
 public:
  /// Seconds since 1970, as everything in the catalog is dated.
  using WallClock = std::function<int64_t()>;
  /// How late a jump of the wall clock may be noticed, and how soon a deletion that failed is tried again.
  static constexpr std::chrono::seconds kAtLeastEvery{60};

  /// Does nothing until the first ReapDue. A test may tell it the time, and not wait for a minute.
  Reaper(Catalog& catalog, Containers& containers, Images& images, uv_loop_t* loop,
         WallClock clock = SystemClock, std::chrono::milliseconds at_least_every = kAtLeastEvery);
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  /// Deletes what is due and sets the timer. To be called whenever an expiry has come into being or moved,
  /// and when a container has gone: its image may have waited for that.
  void ReapDue();
  /// The daemon stops: from here on ReapDue does nothing.
  void Stop();

 private:
  static int64_t SystemClock();
  void ReapContainers(int64_t now);
  void ReapImages(int64_t now);
  void ReapTokens(int64_t now);
  std::chrono::milliseconds UntilNext(int64_t now);

  Catalog& catalog_;
  Containers& containers_;
  Images& images_;
  uv_loop_t* const loop_;
  const WallClock clock_;
  const std::chrono::milliseconds at_least_every_;
  std::unique_ptr<Watch> timer_;
  bool stopped_ = false;
};

}  // namespace spawnd::daemon
