#include "daemon/keeper/committer.h"

#include <condition_variable>
#include <mutex>

namespace spawnd::daemon {

void Committer::Start(storage::Volume& volume, std::chrono::milliseconds interval) {
  thread_ = std::jthread([&volume, interval](const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    while (true) {
      stopped.wait_for(lock, stop, interval, [] { return false; });
      if (stop.stop_requested()) return;
      // A commit that finds no room is made up for by the next one that does: nothing was lost, and reads go
      // on meanwhile. A sync that failed poisons the volume, which Keeper::Ended sees.
      [[maybe_unused]] const bool committed = volume.CommitEpoch().has_value();
    }
  });
}

void Committer::Stop() {
  thread_ = {};
}

}  // namespace spawnd::daemon
