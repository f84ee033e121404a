/// Commits a volume's epochs at an interval, in a thread of its own, from Start until Stop or its
/// destruction. This thread is what bounds the loss at a power cut with durability `everysec`.
///
/// Start and Stop are called from one thread. The volume outlives it.
#pragma once

#include <chrono>
#include <stop_token>
#include <thread>

#include "storage/volume.h"

namespace spawnd::daemon {

class Committer {
 public:
  void Start(storage::Volume& volume, std::chrono::milliseconds interval);
  /// Returns once the thread has ended; what it had not committed is the caller's to commit.
  void Stop();

 private:
  std::jthread thread_;
};

}  // namespace spawnd::daemon
