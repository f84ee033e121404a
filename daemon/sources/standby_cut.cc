/// The cut of a standby: what it has received becomes a hidden image, and it goes on over that with an empty
/// volume. So a cut costs what has changed since the one before.
#include <spdlog/spdlog.h>

#include <ctime>
#include <utility>

#include "base/file.h"
#include "daemon/build/run.h"
#include "daemon/catalog/catalog.h"
#include "daemon/images/images.h"
#include "daemon/sources/standby_thread.h"
#include "daemon/store/disk.h"
#include "daemon/store/layout.h"

namespace spawnd::daemon {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

/// A standby that receives nothing for so long while it is behind does not come after.
constexpr auto kLongestStandstill = 60s;
constexpr auto kBetweenLooks = 100ms;

}  // namespace

void StandbyThread::ServeCuts() {
  while (!give_up_.stop_requested()) {
    std::vector<CutDone> cuts;
    {
      const std::lock_guard lock(mutex_);
      // Those that were asked for meanwhile get one of their own: what was committed until they asked has to
      // be in it.
      if (cuts_.empty()) return;
      cuts.push_back(std::move(cuts_.front()));
      cuts_.erase(cuts_.begin());
    }
    auto cut = MakeCut();
    if (!cut) {
      cut.error().message = "data source '" + row_.name + "': " + cut.error().message;
      spdlog::warn("no cut: {}", cut.error().message);
    }
    Answer([done = std::move(cuts.front()), cut] { done(cut); });
    if (phase_ == Phase::kDown && steady_clock::now() >= next_) StartServer();
  }
}

Result<StandbyThread::Cut> StandbyThread::MakeCut() {
  if (phase_ == Phase::kDown && !give_up_.stop_requested()) StartServer();
  if (phase_ != Phase::kRunning) {
    Error why = trouble_.value_or(Error(ErrorCode::kUnavailable, "its standby does not run"));
    if (phase_ == Phase::kFailed) why.code = ErrorCode::kInvalidArgument;
    return spawnd::Fail(std::move(why));
  }
  TRY_ASSIGN(received_, CatchUp());
  const std::string position = recipe_->PositionText(received_);
  const int64_t before = row_.base_image_id;
  auto sealed = SealCut(position);
  // Its server is stopped, whatever came of it.
  if (const auto ended = container_->End(); !ended) {
    spdlog::error("standby of data source {}: {}", source_id_, ended.error().message);
  }
  container_.reset();
  phase_ = Phase::kDown;
  next_ = steady_clock::now();
  if (!sealed) return spawnd::Fail(std::move(sealed.error()));
  // What it had written is in the image now.
  const std::string old = host_.layout.StandbyVolume(source_id_, before);
  if (const auto removed = RemoveTree(old); !removed) {
    spdlog::error("'{}' stays: {}", old, removed.error().message);
  }
  return Cut{*sealed, before, position};
}

/// Everything that was committed before this was called is received when it returns; up to where.
Result<uint64_t> StandbyThread::CatchUp() {
  TRY_ASSIGN(const engines::PrimaryState primary, AskPrimary(*container_));
  if (const auto kept = CheckKept(primary, received_); !kept) {
    Fail(kept.error());
    return spawnd::Fail(kept.error());
  }
  uint64_t received = 0;
  auto moved = steady_clock::now();
  while (!give_up_.stop_requested()) {
    const auto standby = AskStandby();
    if (standby && standby->received >= primary.position) return standby->received;
    if (standby && standby->received > received) {
      received = standby->received;
      moved = steady_clock::now();
    }
    if (auto broken = recipe_->Broken(*container_->Launched().primary, container_->LogTail())) {
      Fail(*broken);
      return spawnd::Fail(*broken);
    }
    if (steady_clock::now() - moved > kLongestStandstill) {
      return spawnd::Fail(standby ? Error(ErrorCode::kUnavailable,
                                          "its standby is " + SizeInWords(primary.position - received) +
                                              " behind the server and receives nothing")
                                  : standby.error());
    }
    std::this_thread::sleep_for(kBetweenLooks);
  }
  return spawnd::Fail(ErrorCode::kCancelled, "the data source is going, or the daemon is stopping");
}

/// Stops the server, seals its volume as a hidden image and has the next one lie on that. Returns its id.
Result<int64_t> StandbyThread::SealCut(const std::string& position) {
  ImageRow image;
  image.name = row_.name;
  image.engine = row_.engine;
  image.engine_version = installation_.version;
  image.owner = row_.owner;
  image.created_at = std::time(nullptr);
  image.cache_key = SourceKey(source_id_, row_.base_image_id);
  BuildProgress progress([](const api::Progress&) {});
  const BuildContext context{host_, stop_.get_token(), give_up_.get_token(), progress};
  const BuildRun run{
      [&catalog = host_.catalog, &images = host_.images, image, base = row_.base_image_id,
       feed = progress.Feed()]() mutable -> Result<int64_t> {
        if (base != 0) {
          TRY_ASSIGN(image.leased_layers, catalog.images.LayersOf(base));
        }
        return images.BeginBuild(image, std::stop_source(std::nostopstate), feed);
      },
      [this, &context](const PendingImage& pending) { return container_->Seal(context, pending); }};
  TRY_ASSIGN(const ImageRow made, spawnd::daemon::Run(context, run));
  // The folder first: what the row says has to be there.
  const std::string directory = host_.layout.StandbyVolume(source_id_, made.id);
  auto noted = PosixFileSystem().CreateDirectory(directory);
  if (noted) noted = PosixFileSystem().SyncDirectory(host_.layout.Standby(source_id_));
  StandbyChange change;
  change.base_image_id = made.id;
  change.position = position;
  if (noted) noted = Note(change);
  if (!noted) {
    // The standby goes on over what it had; the image is of no use.
    static_cast<void>(Ask([&images = host_.images, id = made.id] { return images.Delete(id); }));
    return spawnd::Fail(std::move(noted.error()));
  }
  row_.base_image_id = made.id;
  row_.position = position;
  return made.id;
}

}  // namespace spawnd::daemon
