/// Deletes what has outlived its lifetime: containers, then the images that nobody uses any more.
///
/// Loop thread only. Knows nothing that the catalog does not, so a restart loses nothing. One timer, for the
/// next expiry there is; and at least once a minute, because the wall clock, which lifetimes are counted on,
/// can jump while the timer, which does not, waits. A clock that is set back makes everything live longer,
/// never shorter.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "daemon/event_loop.h"

namespace spawnd::daemon {

struct DaemonState;

class Reaper {
 public:
  explicit Reaper(DaemonState& state) : state_(state) {}
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  /// Deletes what is due and sets the timer. To be called whenever an expiry has come into being or moved,
  /// and when a container has gone: its image may have waited for that.
  void Look();
  /// The daemon stops: from here on Look does nothing.
  void Stop();

 private:
  void Reap(int64_t now);

  DaemonState& state_;
  std::unique_ptr<Watch> timer_;
  bool stopped_ = false;
};

}  // namespace spawnd::daemon
