#include "daemon/images/build_feed.h"

#include <utility>

namespace spawnd::daemon {

uint64_t BuildFeed::Follow(Listener listener) {
  const std::lock_guard lock(mutex_);
  if (!stage_.stage.empty()) listener(stage_);
  listeners_.emplace(++last_number_, std::move(listener));
  return last_number_;
}

void BuildFeed::Leave(uint64_t number) {
  const std::lock_guard lock(mutex_);
  listeners_.erase(number);
}

void BuildFeed::Say(const api::Progress& progress) {
  const std::lock_guard lock(mutex_);
  stage_ = progress;
  stage_.message.clear();
  stage_.note.clear();
  for (const auto& [number, listener] : listeners_) listener(progress);
}

}  // namespace spawnd::daemon
