#include "storage/delta/commit_rounds.h"

namespace spawnd::storage {

Result<void> CommitRounds::Share(const Round& round) {
  const uint64_t needed = ended_.load(std::memory_order_acquire);
  std::unique_lock lock(mutex_);
  while (durable_ < needed) {
    if (!under_way_) return Make(round, lock);
    const uint64_t awaited = begun_;
    const bool serves = covering_ >= needed;
    done_.wait(lock, [&] { return !under_way_ || begun_ != awaited; });
    if (serves && durable_ < needed && last_error_) return Fail(*last_error_);
  }
  return {};
}

Result<void> CommitRounds::MakeOwn(const Round& round) {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return !under_way_; });
  return Make(round, lock);
}

Result<void> CommitRounds::Make(const Round& round, std::unique_lock<std::mutex>& lock) {
  under_way_ = true;
  ++begun_;
  covering_ = ended_.load(std::memory_order_acquire);
  lock.unlock();
  auto result = round();
  lock.lock();
  under_way_ = false;
  if (result) durable_ = covering_;
  last_error_ = result ? std::nullopt : std::optional(result.error());
  done_.notify_all();
  return result;
}

}  // namespace spawnd::storage
