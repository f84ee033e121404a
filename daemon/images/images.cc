#include "daemon/images/images.h"

#include <spdlog/spdlog.h>

#include <ctime>
#include <utility>

namespace spawnd::daemon {
namespace {

/// The row is gone when this runs, so a crash in between leaves files that no row names; the next start
/// removes those (daemon/reconcile.h).
void RemoveImageFiles(const StoreLayout& layout, int64_t id, const std::vector<std::string>& layers) {
  std::vector<std::string> paths{layout.ImageIndex(id), layout.ImageLog(id)};
  for (const std::string& layer : layers) paths.push_back(layout.Layer(layer));
  for (const std::string& path : paths) {
    const auto removed = RemoveFile(path);
    if (!removed) spdlog::error("image {}: {}", id, removed.error().message);
  }
}

}  // namespace

Result<int64_t> Images::BeginBuild(const ImageRow& row, std::stop_source stop,
                                   std::shared_ptr<BuildFeed> feed) {
  TRY_ASSIGN(const int64_t id, catalog_.images.Insert(row));
  builds_.emplace(id, UnderWay{std::move(stop), std::move(feed)});
  return id;
}

Result<void> Images::CompleteBuild(int64_t id, ImageCompletion completion) {
  completion.completed_at = std::time(nullptr);
  TRY_ASSIGN(auto leased, catalog_.images.LayersOf(id));
  TRY(catalog_.images.Complete(id, completion));
  auto build = builds_.extract(id);
  EndLease(id, std::move(leased));
  // Before the reaper looks: a container keeps an image whose lifetime is over in a moment.
  if (!build.empty()) EndWaiting(build.mapped(), {});
  expiries_changed_();
  return {};
}

void Images::BuildFailed(int64_t id, const Error& why) {
  const auto build = builds_.find(id);
  if (build == builds_.end()) return;
  build->second.failed = why;
  EndWaiting(build->second, Fail(why));
}

Result<int64_t> Images::WaitFor(int64_t id, Waiter waiter) {
  const auto build = builds_.find(id);
  if (build == builds_.end()) {
    return Fail(ErrorCode::kNotFound, "nobody is making image " + std::to_string(id));
  }
  if (build->second.failed) return Fail(*build->second.failed);
  const uint64_t listener = build->second.feed->Follow(std::move(waiter.progress));
  build->second.waiting.emplace(++last_waiter_, Waiting{listener, std::move(waiter.done)});
  return last_waiter_;
}

void Images::StopWaiting(int64_t number) {
  for (auto& [id, build] : builds_) {
    auto waiting = build.waiting.extract(number);
    if (waiting.empty()) continue;
    build.feed->Leave(waiting.mapped().listener);
    return waiting.mapped().done(Fail(ErrorCode::kCancelled, "nobody waits for the image any more"));
  }
}

void Images::EndWaiting(UnderWay& build, const Result<void>& outcome) {
  // What they do may come back to this object.
  for (auto& [number, one] : std::exchange(build.waiting, {})) {
    build.feed->Leave(one.listener);
    one.done(outcome);
  }
}

void Images::Stop() {
  for (auto& [id, build] : builds_) {
    EndWaiting(build, Fail(ErrorCode::kUnavailable, "the daemon is stopping"));
  }
}

Result<void> Images::AbandonBuild(int64_t id) {
  builds_.erase(id);
  TRY_ASSIGN(auto leased, catalog_.images.LayersOf(id));
  TRY(catalog_.images.Remove(id));
  EndLease(id, std::move(leased));
  return {};
}

Result<void> Images::Delete(int64_t id) {
  TRY(WithReserve(reserve_, [&] { return catalog_.images.MarkDeleting(id); }));
  const auto build = builds_.find(id);
  if (build != builds_.end()) {
    // The builder removes what it made, the row last.
    build->second.stop.request_stop();
    EndWaiting(build->second, Fail(ErrorCode::kNotFound, "it was deleted while it was being made"));
    return {};
  }
  ResumeDelete(id);
  return {};
}

Result<void> Images::DeleteBuiltIn(int64_t id) {
  if (!builds_.empty()) {
    return Fail(ErrorCode::kInUse, "a data image is being made, and may stand on what is to be deleted",
                "Try again when it is completed.");
  }
  return Delete(id);
}

void Images::ResumeDelete(int64_t id) {
  going_.insert(id);
  TryRemove(id);
}

void Images::ContainerGone(int64_t image_id) {
  if (going_.contains(image_id)) TryRemove(image_id);
}

void Images::ResumeRemovals() {
  for (const int64_t id : std::set<int64_t>(going_)) TryRemove(id);  // which takes it out
}

void Images::TryRemove(int64_t id) {
  const auto using_it = catalog_.containers.OfImage(id);
  // Containers that are being deleted still have the files open, and after a crash would be found again.
  if (using_it && !using_it->empty()) return;
  auto layers = catalog_.images.LayersOf(id);
  auto removed = layers ? catalog_.images.Remove(id) : Fail(layers.error());
  if (!removed) {
    // The row still says deleting: the reaper's next look tries again, at the latest the daemon's next start.
    spdlog::error("image {}: {}", id, removed.error().message);
    return;
  }
  going_.erase(id);
  // A layer goes when no other image refers to it. No new image can refer to one of these by now: builds
  // stand on hidden images, which nobody can delete meanwhile, or have leased the layers they stand on.
  KeepUsedLayers(*layers);
  removals_.Run([&layout = layout_, id, unused = std::move(*layers)](const std::stop_token&) {
    RemoveImageFiles(layout, id, unused);
  });
  spdlog::info("image {} is gone", id);
}

void Images::KeepUsedLayers(std::vector<std::string>& layers) {
  std::erase_if(layers, [this](const std::string& layer) {
    const auto users = catalog_.images.UsingLayer(layer);
    return !users || !users->empty();
  });
}

void Images::EndLease(int64_t id, std::vector<std::string> layers) {
  KeepUsedLayers(layers);
  if (layers.empty()) return;
  removals_.Run([&layout = layout_, id, unused = std::move(layers)](const std::stop_token&) {
    for (const std::string& layer : unused) {
      const auto removed = RemoveFile(layout.Layer(layer));
      if (!removed) spdlog::error("image {}: {}", id, removed.error().message);
    }
  });
}

}  // namespace spawnd::daemon
