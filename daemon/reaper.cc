#include "daemon/reaper.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "daemon/access/tokens.h"
#include "daemon/access/trail.h"
#include "daemon/catalog/catalog.h"
#include "daemon/containers/containers.h"
#include "daemon/images/images.h"

namespace spawnd::daemon {
namespace {

/// `row`: as it was, for its name.
template <typename Row>
void NoteExpired(std::string_view resource, int64_t id, const Result<Row>& row, const Result<void>& removed) {
  // An image that is in use stays until its last container has gone, and is asked for again and again.
  if (!removed && removed.error().code == ErrorCode::kInUse) return;
  std::string name;
  if constexpr (std::is_same_v<Row, TokenRow>) {
    if (row) name = row->purpose;
  } else {
    if (row) name = row->name;
  }
  NoteOwnChange("expire", resource, id, name,
                removed ? std::nullopt : std::optional<ErrorCode>(removed.error().code));
}

}  // namespace

int64_t Reaper::SystemClock() {
  return std::time(nullptr);
}

Reaper::Reaper(Catalog& catalog, Containers& containers, Images& images, uv_loop_t* loop, WallClock clock,
               std::chrono::milliseconds at_least_every)
    : catalog_(catalog),
      containers_(containers),
      images_(images),
      loop_(loop),
      clock_(std::move(clock)),
      at_least_every_(at_least_every) {}

void Reaper::ReapContainers(int64_t now) {
  const auto containers = catalog_.containers.Expired(now);
  if (!containers) return spdlog::error("cannot look for expired containers: {}", containers.error().message);
  const auto because = catalog_.events.Because({.word = "expired"});
  for (const int64_t id : *containers) {
    const auto row = catalog_.containers.ById(id);
    const auto deleted = containers_.Delete(id);
    NoteExpired("data-container", id, row, deleted);
    if (deleted) {
      spdlog::info("container {} has expired", id);
    } else {
      spdlog::error("container {} has expired, but stays: {}", id, deleted.error().message);
    }
  }
}

void Reaper::ReapImages(int64_t now) {
  const auto images = catalog_.images.Expired(now);
  if (!images) return spdlog::error("cannot look for expired images: {}", images.error().message);
  const auto because = catalog_.events.Because({.word = "expired"});
  for (const int64_t id : *images) {
    const auto row = catalog_.images.ById(id);
    const auto deleted = images_.Delete(id);
    NoteExpired("data-image", id, row, deleted);
    if (deleted) {
      spdlog::info("image {} has expired", id);
    } else {
      spdlog::error("image {} has expired, but stays: {}", id, deleted.error().message);
    }
  }
}

/// Nothing is timed for these: an expired token opens nothing, whether it is still there or not.
void Reaper::ReapTokens(int64_t now) {
  const auto tokens = catalog_.tokens.Expired(now - kExpiredTokenSeconds);
  if (!tokens) return spdlog::error("cannot look for expired access tokens: {}", tokens.error().message);
  for (const int64_t id : *tokens) {
    const auto row = catalog_.tokens.ById(id);
    const auto removed = catalog_.tokens.Remove(id);
    NoteExpired("access-token", id, row, removed);
    if (!removed) spdlog::error("access token {} has expired, but stays: {}", id, removed.error().message);
  }
}

std::chrono::milliseconds Reaper::UntilNext(int64_t now) {
  // Only what is due later counts. What is due and still there is in use, and its last container calls when
  // it goes; or could not be deleted, and a full disk is not asked again every second.
  const auto next = catalog_.NextExpiry(now);
  if (!next) spdlog::error("cannot look for the next expiry: {}", next.error().message);
  if (!next || *next == 0) return at_least_every_;
  // In seconds first: a distant expiry is more milliseconds than there are numbers.
  const auto longest = std::chrono::ceil<std::chrono::seconds>(at_least_every_);
  return std::min<std::chrono::milliseconds>(std::min(std::chrono::seconds(*next - now), longest),
                                             at_least_every_);
}

void Reaper::Stop() {
  stopped_ = true;
  timer_.reset();
}

void Reaper::ReapDue() {
  if (stopped_) return;
  const int64_t now = clock_();
  ReapContainers(now);
  ReapImages(now);
  ReapTokens(now);
  images_.ResumeRemovals();
  auto timer = WatchTime(loop_, UntilNext(now), at_least_every_, [this] { ReapDue(); });
  if (timer) {
    timer_ = std::move(*timer);
  } else {
    spdlog::error("what expires may stay {} longer: {}",
                  timer_ ? "up to a minute" : "until something else is made or deleted",
                  timer.error().message);
  }
}

}  // namespace spawnd::daemon
