#include "daemon/reaper.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "daemon/containers.h"
#include "daemon/daemon_state.h"
#include "daemon/images.h"

namespace spawnd::daemon {
namespace {

constexpr std::chrono::seconds kAtLeastEvery{60};
/// What could not be deleted now (a full disk, say) is not tried again in a tight loop.
constexpr std::chrono::seconds kAtMostEvery{1};

}  // namespace

void Reaper::Reap(int64_t now) {
  const auto containers = state_.catalog->ExpiredContainers(now);
  if (!containers) return spdlog::error("cannot look for expired containers: {}", containers.error().message);
  for (const int64_t id : *containers) {
    const auto deleted = state_.containers->Delete(id);
    if (deleted) {
      spdlog::info("container {} has expired", id);
    } else {
      spdlog::error("container {} has expired, but stays: {}", id, deleted.error().message);
    }
  }
  const auto images = state_.catalog->ExpiredImages(now);
  if (!images) return spdlog::error("cannot look for expired images: {}", images.error().message);
  for (const int64_t id : *images) {
    const auto deleted = state_.images->Delete(id);
    if (deleted) {
      spdlog::info("image {} has expired", id);
    } else {
      spdlog::error("image {} has expired, but stays: {}", id, deleted.error().message);
    }
  }
}

void Reaper::Stop() {
  stopped_ = true;
  timer_.reset();
}

void Reaper::Look() {
  if (stopped_) return;
  const int64_t now = std::time(nullptr);
  Reap(now);
  auto wait = kAtLeastEvery;
  // What is due but in use waits for its container, which calls.
  if (const auto next = state_.catalog->NextExpiry(now); next && *next > 0) {
    wait = std::clamp(std::chrono::seconds(*next - now), kAtMostEvery, kAtLeastEvery);
  }
  auto timer = WatchTime(state_.loop, wait, kAtLeastEvery, [this] { Look(); });
  if (timer) {
    timer_ = std::move(*timer);
  } else {
    spdlog::error("nothing expires from here on: {}", timer.error().message);
  }
}

}  // namespace spawnd::daemon
