#include "daemon/build/run.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>

#include "base/file.h"
#include "base/random.h"
#include "daemon/catalog/catalog.h"
#include "daemon/images/images.h"
#include "daemon/metrics/metrics.h"
#include "daemon/store/disk.h"
#include "daemon/store/failed_logs.h"
#include "daemon/store/layout.h"
#include "storage/image/image_files.h"

namespace spawnd::daemon {
namespace {

/// Tells `why` to those who wait for the image, and removes whatever a build that failed put into the store
/// (index, layer, log, temporary files), then its row. Nothing is touched while its keeper may still write:
/// the build directory is there until the keeper has ended, and then the daemon's next start does it.
Result<void> Abandon(const BuildContext& context, const PendingImage& image, const Error& why) {
  // They are told first, because what follows may fail. A daemon that is stopping has told them already.
  static_cast<void>(context.Ask([&images = context.host.images, id = image.id, why] {
    images.BuildFailed(id, why);
    return Result<void>();
  }));
  const StoreLayout& layout = context.host.layout;
  TRY_ASSIGN(const bool keeper_may_run, PosixFileSystem().Exists(layout.Build(image.id)));
  if (keeper_may_run) return Fail(ErrorCode::kUnavailable, "the keeper of a build does not end");
  for (const std::string& path :
       {layout.ImageIndex(image.id), layout.Layer(image.layer_id), layout.ImageLog(image.id)}) {
    TRY(RemoveFile(path));
    TRY(RemoveFile(storage::TemporaryPath(path)));
  }
  return context.Ask([&images = context.host.images, id = image.id] { return images.AbandonBuild(id); });
}

/// Keeps the log of a build that failed, and says in its error how to read it. Nobody wants that of one that
/// was stopped.
Error KeepLog(const BuildContext& context, const BuildRun& run, int64_t id, Error why) {
  if (run.name.empty() || why.code == ErrorCode::kCancelled || context.stop.stop_requested()) return why;
  why = ExplainSpace(std::move(why), context.host.layout.Root());
  const auto kept = KeepFailedLog(context.host.layout, {id, run.owner, run.name}, why);
  if (!kept) spdlog::warn("the log of image {} is lost: {}", id, kept.error().message);
  if (!kept || !*kept) return why;
  if (!why.hint.empty()) why.hint += " ";
  why.hint += "`spawnctl logs data-image " + std::to_string(id) + "` has all that was said, for a day.";
  return why;
}

Result<ImageRow> RunUncounted(const BuildContext& context, const BuildRun& run) {
  PendingImage image;
  TRY_ASSIGN(image.id, context.Ask(run.begin));
  image.layer_id = RandomId();
  // The row names the layer before there is one: what a killed daemon leaves is known to be this image's.
  auto leased = context.Ask(
      [&catalog = context.host.catalog, image] { return catalog.images.Lease(image.id, image.layer_id); });
  auto content = leased ? run.make(image) : Fail(std::move(leased.error()));
  auto completed = content
                       ? context.Ask([&images = context.host.images, id = image.id, completion = *content] {
                           return images.CompleteBuild(id, completion);
                         })
                       : Fail(std::move(content.error()));
  if (completed) {
    return context.Ask([&catalog = context.host.catalog, id = image.id] { return catalog.images.ById(id); });
  }
  // The loop may complete the row after this thread has given up waiting: its files must be there then. If it
  // does not, the next start removes them.
  const bool may_still_complete = content && context.daemon_stops.stop_requested();
  if (may_still_complete) return Fail(std::move(completed.error()));
  const Error why = KeepLog(context, run, image.id, std::move(completed.error()));
  const auto abandoned = Abandon(context, image, why);
  if (!abandoned) {
    spdlog::error("image {} is left for the next start: {}", image.id, abandoned.error().message);
  }
  return Fail(why);
}

}  // namespace

Result<ImageRow> Run(const BuildContext& context, const BuildRun& run) {
  const auto start = std::chrono::steady_clock::now();
  auto made = RunUncounted(context, run);
  Metrics& metrics = context.host.metrics;
  if (!made) {
    metrics.build_failures.Count({std::string(ErrorCodeName(made.error().code))});
  } else {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    metrics.build_seconds.Observe({made->engine}, took.count());
  }
  return made;
}

Error WhyItEnded(Error error, const BuildContext& context, const std::string& what) {
  error = ExplainSpace(std::move(error), context.host.layout.Root());
  if (error.code == ErrorCode::kCancelled) {
    error.message = context.daemon_stops.stop_requested() ? "the daemon is stopping" : what + " was stopped";
  }
  return error;
}

}  // namespace spawnd::daemon
