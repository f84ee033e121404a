#include "daemon/loop/key_guards.h"

namespace spawnd::daemon {

Result<KeyGuards::Held> KeyGuards::Acquire(const std::string& key, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (!released_.wait(lock, stop, [&] { return !held_.contains(key); })) {
    return Fail(ErrorCode::kCancelled, "stopped while waiting for its turn");
  }
  held_.insert(key);
  return Held(*this, key);
}

void KeyGuards::Release(const std::string& key) {
  {
    const std::lock_guard lock(mutex_);
    held_.erase(key);
  }
  released_.notify_all();
}

}  // namespace spawnd::daemon
