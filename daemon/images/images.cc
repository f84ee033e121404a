#include "daemon/images/images.h"

#include <spdlog/spdlog.h>

#include <ctime>
#include <utility>

namespace spawnd::daemon {
namespace {

/// The row says deleting until this has run, so that the next start finishes what a crash cut short.
Result<void> RemoveImageFiles(const StoreLayout& layout, int64_t id, const std::vector<std::string>& layers) {
  std::vector<std::string> paths{layout.ImageIndex(id), layout.ImageManifest(id), layout.ImageLog(id)};
  for (const std::string& layer : layers) paths.push_back(layout.Layer(layer));
  for (const std::string& path : paths) TRY(RemoveFile(path));
  return {};
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
  const auto build = builds_.extract(id);
  const bool said_why = !build.empty() && build.mapped().failed;
  const auto because =
      catalog_.events.Because({.detail = said_why ? build.mapped().failed->message : std::string()});
  TRY(catalog_.images.MarkDeleting(id));
  ResumeDelete(id);
  return {};
}

Result<void> Images::Delete(int64_t id, uid_t asker) {
  TRY(WithReserve(reserve_, [&] { return catalog_.images.MarkDeleting(id, asker); }));
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
  due_.insert(id);
  RemoveNext();
}

void Images::ContainerGone(int64_t image_id) {
  if (!going_.contains(image_id)) return;
  due_.insert(image_id);
  RemoveNext();
}

void Images::ResumeRemovals() {
  due_ = going_;
  RemoveNext();
}

void Images::RemoveNext() {
  while (!removing_ && !due_.empty()) {
    const int64_t id = due_.extract(due_.begin()).value();
    const auto users = catalog_.containers.OfImage(id);
    // Containers that are being deleted still have the files open, and after a crash would be found again.
    if (users && !users->empty()) continue;
    auto layers = catalog_.images.LayersOf(id);
    // No new image can refer to one of these by now: builds stand on hidden images, which nobody can delete
    // meanwhile, or have leased the layers they stand on.
    auto unused = layers ? UnusedLayers(std::move(*layers), id) : Fail(std::move(layers.error()));
    if (!unused) {
      spdlog::error("image {}: {}", id, unused.error().message);
      continue;
    }
    removing_ = true;
    leaving_.insert(unused->begin(), unused->end());
    removals_.Run(kForDaemon, [this, id, unused = std::move(*unused)](const std::stop_token&) {
      mailbox_.Post([this, id, unused, removed = RemoveImageFiles(layout_, id, unused)] {
        FilesRemoved(id, unused, removed);
      });
    });
  }
}

void Images::FilesRemoved(int64_t id, const std::vector<std::string>& layers, const Result<void>& removed) {
  removing_ = false;
  for (const std::string& layer : layers) leaving_.erase(leaving_.find(layer));
  const auto forgotten = removed ? catalog_.images.Remove(id) : removed;
  if (forgotten) {
    going_.erase(id);
    due_.erase(id);  // the reaper may have named it meanwhile
    spdlog::info("image {} is gone", id);
  } else {
    // The row still says deleting: the reaper's next look tries again, at the latest the daemon's next start.
    spdlog::error("image {}: {}", id, forgotten.error().message);
  }
  RemoveNext();
}

Result<std::vector<std::string>> Images::UnusedLayers(std::vector<std::string> layers, int64_t except_id) {
  std::vector<std::string> unused;
  for (std::string& layer : layers) {
    TRY_ASSIGN(auto users, catalog_.images.UsingLayer(layer));
    std::erase(users, except_id);
    if (users.empty()) unused.push_back(std::move(layer));
  }
  return unused;
}

void Images::EndLease(int64_t id, std::vector<std::string> layers) {
  auto unused = UnusedLayers(std::move(layers), 0);
  if (!unused || unused->empty()) return;  // else the next start finds them
  leaving_.insert(unused->begin(), unused->end());
  removals_.Run(kForDaemon, [this, id, unused = std::move(*unused)](const std::stop_token&) {
    for (const std::string& layer : unused) {
      const auto removed = RemoveFile(layout_.Layer(layer));
      if (!removed) spdlog::error("image {}: {}", id, removed.error().message);
    }
    mailbox_.Post([this, unused] {
      for (const std::string& layer : unused) leaving_.erase(leaving_.find(layer));
    });
  });
}

}  // namespace spawnd::daemon
