/// One at a time for each key, whatever the number of keys.
#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <utility>

#include "base/result.h"

namespace spawnd::daemon {

/// Lets one thread at a time through for each key, so that ten first builds of a version initialise it once.
/// Thread-safe.
class KeyGuards {
 public:
  class Held {
   public:
    Held(KeyGuards& guards, std::string key) : guards_(&guards), key_(std::move(key)) {}
    Held(Held&& other) noexcept
        : guards_(std::exchange(other.guards_, nullptr)), key_(std::move(other.key_)) {}
    Held& operator=(Held&&) = delete;
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held() {
      if (guards_ != nullptr) guards_->Release(key_);
    }

   private:
    KeyGuards* guards_;
    std::string key_;
  };

  /// Waits until nobody holds `key`. kCancelled when `stop` says so first.
  Result<Held> Acquire(const std::string& key, const std::stop_token& stop);

 private:
  void Release(const std::string& key);

  std::mutex mutex_;
  std::condition_variable_any released_;
  std::set<std::string> held_;
};

}  // namespace spawnd::daemon
