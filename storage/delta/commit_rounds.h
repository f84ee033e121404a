/// Lets the threads that ask a delta for a commit share it: commits are rounds.
///
/// A round makes durable what had ended when it began; it may have made its cut before anything later. Who
/// needs more than the one under way covers waits for the next, and all who wait share that. Knows nothing of
/// what a round does.
///
/// Thread-safe; one round runs at a time, in the thread of one who asked. Never allocates, but for the text
/// of an error.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

#include "base/result.h"

namespace spawnd::storage {

class CommitRounds {
 public:
  using Round = std::function<Result<void>()>;

  /// Counts an operation when it ends, however it ends: one that failed halfway may have changed something.
  class Operation {
   public:
    explicit Operation(CommitRounds& rounds) : rounds_(rounds) {}
    ~Operation() { rounds_.ended_.fetch_add(1, std::memory_order_release); }
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;

   private:
    CommitRounds& rounds_;
  };

  /// Returns once every operation that ended before the call is covered by a round that succeeded: at once,
  /// by waiting for another thread's, or by making one. Errors: those of the round that covers it.
  Result<void> Share(const Round& round);
  /// Makes a round in any case, after the one under way. It serves those who wait, too.
  Result<void> MakeOwn(const Round& round);

 private:
  Result<void> Make(const Round& round, std::unique_lock<std::mutex>& lock);

  std::atomic<uint64_t> ended_{0};

  std::mutex mutex_;
  std::condition_variable done_;
  uint64_t begun_ = 0;     ///< rounds
  uint64_t covering_ = 0;  ///< of `ended_`, by the last round that began
  uint64_t durable_ = 0;   ///< of `ended_`, by the rounds that succeeded
  bool under_way_ = false;
  std::optional<Error> last_error_;
};

}  // namespace spawnd::storage
