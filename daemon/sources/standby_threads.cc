#include "daemon/sources/standby_threads.h"

#include <spdlog/spdlog.h>

#include <thread>
#include <utility>

#include "base/file.h"
#include "daemon/catalog/catalog.h"
#include "daemon/images/images.h"
#include "daemon/store/layout.h"

namespace spawnd::daemon {

void StandbyThreads::Begin(int64_t source_id, std::function<void(Result<void>)> checked) {
  threads_[source_id] = std::make_unique<StandbyThread>(
      host_, source_id, [this, source_id, checked = std::move(checked)](const Result<void>& outcome) {
        // There is nothing to follow, and soon no row.
        if (!outcome) threads_.erase(source_id);
        checked(outcome);
      });
}

void StandbyThreads::Resume(int64_t source_id) {
  const auto row = host_.catalog.sources.ById(source_id);
  DropImages(source_id, row ? row->base_image_id : 0);
  threads_[source_id] = std::make_unique<StandbyThread>(host_, source_id, StandbyThread::Done());
}

void StandbyThreads::Cut(int64_t source_id, std::function<void(Result<StandbyCut>)> done) {
  const auto thread = threads_.find(source_id);
  if (thread == threads_.end()) return done(Fail(ErrorCode::kNotFound, "the data source has no standby"));
  const auto row = host_.catalog.sources.ById(source_id);
  if (row && row->state == kStandbyCopying) {
    return done(Fail(ErrorCode::kNotReady,
                     "data source '" + row->name + "' is still being copied" +
                         (row->detail.empty() ? "" : ": " + row->detail),
                     "`spawnctl get data-sources` says how far it is."));
  }
  thread->second->AskForCut([this, done = std::move(done)](Result<StandbyThread::Cut> cut) {
    if (!cut) return done(Fail(std::move(cut.error())));
    held_.insert(cut->image_id);
    if (cut->replaced_image_id != 0) Drop(cut->replaced_image_id);
    done(StandbyCut{cut->image_id, cut->position});
  });
}

void StandbyThreads::Release(const StandbyCut& cut) {
  const auto held = held_.find(cut.image_id);
  if (held == held_.end()) return;
  held_.erase(held);
  if (!held_.contains(cut.image_id) && unwanted_.erase(cut.image_id) != 0) Drop(cut.image_id);
}

void StandbyThreads::End(int64_t source_id, std::function<void(Result<void>)> done) {
  auto& thread = threads_[source_id];
  // Of a source that a daemon before was to delete.
  if (thread == nullptr) thread = std::make_unique<StandbyThread>(host_, source_id, StandbyThread::Done());
  thread->AskForEnd([this, source_id, done = std::move(done)](const Result<void>& outcome) {
    Ended(source_id, outcome, done);
  });
}

void StandbyThreads::Ended(int64_t source_id, const Result<void>& outcome,
                           const std::function<void(Result<void>)>& done) {
  threads_.erase(source_id);
  DropImages(source_id, 0);
  done(outcome);
}

void StandbyThreads::Stop() {
  for (auto& [id, thread] : threads_) thread->RequestStop();
  threads_.clear();
}

void StandbyThreads::DropImages(int64_t source_id, int64_t but) {
  const auto images = host_.catalog.images.List(Rows::kAll);
  if (!images)
    return spdlog::error("hidden images of data source {} stay: {}", source_id, images.error().message);
  for (const ImageRow& image : *images) {
    const bool goes = image.id != but && image.state == ImageState::kCompleted &&
                      image.cache_key.starts_with(SourceKey(source_id));
    if (goes) Drop(image.id);
  }
}

void StandbyThreads::Drop(int64_t image_id) {
  if (held_.contains(image_id)) {
    unwanted_.insert(image_id);
    return;
  }
  const auto deleted = host_.images.Delete(image_id);
  if (!deleted) spdlog::error("hidden image {} stays: {}", image_id, deleted.error().message);
}

void StandbyThreads::RemoveLost() {
  const auto images = host_.catalog.images.List(Rows::kAll);
  for (const ImageRow& image : images.value_or(std::vector<ImageRow>())) {
    const int64_t source = SourceOfKey(image.cache_key);
    if (source == 0 || image.state != ImageState::kCompleted || threads_.contains(source)) continue;
    spdlog::info("hidden image {} goes: its data source is not there any more", image.id);
    Drop(image.id);
  }
  const auto names = PosixFileSystem().List(host_.layout.Standbys());
  for (const std::string& name : names.value_or(std::vector<std::string>())) {
    const int64_t source = IdFromName(name, "");
    if (source == 0 || threads_.contains(source)) continue;
    // A slot of it may be left on a server that nobody knows any more.
    spdlog::warn("'{}' goes: it is a standby of a data source that is not there any more",
                 host_.layout.Standby(source));
    std::thread([folder = host_.layout.Standby(source)] {
      for (const std::string& volume : PosixFileSystem().List(folder).value_or(std::vector<std::string>())) {
        if (!KeeperClient::End(folder + "/" + volume, kKillDeadline)) return;
      }
      static_cast<void>(RemoveTree(folder));
    }).detach();
  }
}

}  // namespace spawnd::daemon
