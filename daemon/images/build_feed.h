/// What a build says of itself, for those who wait for its image besides the one who ordered it.
///
/// Safe from any thread: the build's job says, requests on the loop thread follow. Nothing here survives the
/// process.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

#include "api/types.h"

namespace spawnd::daemon {

class BuildFeed {
 public:
  using Listener = std::function<void(const api::Progress&)>;

  BuildFeed() = default;
  BuildFeed(const BuildFeed&) = delete;
  BuildFeed& operator=(const BuildFeed&) = delete;

  /// The listener hears at once which stage it is, and then all that is said, on the thread that says it. It
  /// must not block and not call the feed. Returns its number.
  uint64_t Follow(Listener listener);
  /// The listener is not called any more once this has returned.
  void Leave(uint64_t number);
  void Say(const api::Progress& progress);

 private:
  std::mutex mutex_;
  std::map<uint64_t, Listener> listeners_;
  uint64_t last_number_ = 0;
  api::Progress stage_;  ///< what was said last, without its warning or note
};

}  // namespace spawnd::daemon
