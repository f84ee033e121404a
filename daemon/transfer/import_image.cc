#include "daemon/transfer/import_image.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <chrono>
#include <ctime>
#include <thread>
#include <utility>

#include "api/image_reference.h"
#include "base/file.h"
#include "daemon/build/context.h"
#include "daemon/build/run.h"
#include "daemon/catalog/catalog.h"
#include "daemon/host/installations.h"
#include "daemon/images/builtin.h"
#include "daemon/images/images.h"
#include "daemon/store/disk.h"
#include "daemon/store/layout.h"
#include "daemon/transfer/description.h"
#include "engines/registry.h"
#include "storage/image/image_files.h"
#include "storage/transfer/import_check.h"

namespace spawnd::daemon {
namespace {

/// Removing a layer's file takes moments.
constexpr std::chrono::milliseconds kBetweenTries{100};
constexpr int kTries = 100;

int64_t DiskBytes(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 ? int64_t{st.st_blocks} * 512 : 0;
}

Result<void> SyncFile(const std::string& path) {
  TRY_ASSIGN(const auto file, PosixFileSystem().Open(path, OpenMode::kReadWrite));
  return file->Sync();
}

/// On the loop thread. A layer that is being removed at this moment would be gone when it is looked for.
Result<int64_t> Begin(Images& images, const ImageRow& row, const std::stop_source& stop,
                      const std::shared_ptr<BuildFeed>& feed) {
  for (const std::string& layer : row.leased_layers) {
    if (images.IsLeaving(layer)) {
      return Fail(ErrorCode::kUnavailable, "a layer of the image is being removed at this moment",
                  "Try again.");
    }
  }
  return images.BeginBuild(row, stop, feed);
}

class Importing {
 public:
  Importing(BuildHost& host, Imports& imports, const ImportOrder& order, BuildProgress& progress,
            const std::stop_token& daemon_stops)
      : host_(host),
        imports_(imports),
        order_(order),
        stop_(daemon_stops, order.withdrawn),
        context_{host, daemon_stops, stop_.Token(), progress} {}

  const BuildContext& Context() const { return context_; }

  Result<ImportedRow> Make() {
    TRY_ASSIGN(held_, imports_.Open(order_.owner, order_.request.import));
    TRY(CheckComplete());
    TRY(CheckSharing());
    TRY(Check());
    TRY_ASSIGN(ImageRow row, Insert());
    // Nothing in it is of use any more. What cannot be removed now goes in a day.
    if (const auto gone = held_.hold->Forget(); !gone) spdlog::error("import: {}", gone.error().message);
    return ImportedRow{std::move(row), Warnings()};
  }

 private:
  Result<void> CheckComplete() const {
    const storage::FramePlace end = storage::FirstFrameOf(Head(), Head().parts.size());
    // Its trailer is not kept: it had come when the import was said to be complete.
    if (held_.receiver->Offset() >= end.file_offset) return {};
    return Fail(ErrorCode::kNotReady, "the import is not complete", "Send the rest of the file first.");
  }

  Result<void> CheckSharing() const {
    if (order_.request.teams.empty() || !order_.requires_masked || Masks()) return {};
    return Fail(ErrorCode::kForbidden,
                "the image of this file is not masked and is not shared with '" +
                    order_.request.teams.front() + "': the daemon's configuration says requireMasked",
                "Import it without `--team`.");
  }

  bool Masks() const { return order_.trusts_masks && !held_.image.mask_digest.empty(); }

  /// Of a hostile file nothing stays, so that it does not fail again and again after each transfer's end.
  Result<void> Check() {
    context_.progress.Stage("verifying");
    const auto total = static_cast<uint64_t>(held_.image.data_bytes);
    const auto checked =
        storage::CheckImport(PosixFileSystem(), Folder(), Head(), [this, total](uint64_t done) {
          context_.progress.Bytes("verifying", done, total);
          return !context_.stop.stop_requested();
        });
    if (checked) {
      checked_ = *checked;
      return {};
    }
    const bool to_blame = checked.error().code == ErrorCode::kCorrupt ||
                          checked.error().code == ErrorCode::kUnsupported ||
                          checked.error().code == ErrorCode::kNotFound;
    if (to_blame) TRY(held_.hold->Forget());
    return Fail(checked.error());
  }

  Result<ImageRow> Insert() {
    for (int tries = kTries;; --tries) {
      auto row = Run(
          context_, {[&images = host_.images, row = NewRow(), stop = stop_.Source(),
                      feed = context_.progress.Feed(), cause = order_.cause, &events = host_.catalog.events] {
                       const auto because = events.Because(cause);
                       return Begin(images, row, stop, feed);
                     },
                     [this](const PendingImage& image) { return Place(image); }});
      if (row || row.error().code != ErrorCode::kUnavailable || tries == 0) return row;
      TRY(context_.StopRequested());
      std::this_thread::sleep_for(kBetweenTries);
    }
  }

  ImageRow NewRow() const {
    ImageRow row = RowOf(held_.image);
    if (!order_.request.name.empty()) row.name = order_.request.name;
    row.owner = order_.owner;
    if (!Masks()) row.mask_digest.clear();
    const int64_t lifetime = order_.request.lifetime_seconds;
    row.expires_at = lifetime > 0 ? row.created_at + lifetime : 0;
    row.tags = order_.request.tags;
    row.teams = order_.request.teams;
    row.idle_teams = order_.idle_teams;
    for (const storage::ExportPart& part : Head().parts) {
      if (!part.layer_id.empty()) row.leased_layers.push_back(part.layer_id);
    }
    return row;
  }

  /// Layers first, durable before the index that refers to them has its name.
  Result<ImageCompletion> Place(const PendingImage& image) {
    context_.progress.Stage("storing");
    const StoreLayout& layout = host_.layout;
    ImageCompletion completion;
    completion.database = held_.image.database;
    completion.libraries = held_.image.libraries;
    completion.data_bytes = static_cast<int64_t>(checked_.data_bytes);
    for (const storage::ExportPart& part : Head().parts) {
      if (part.layer_id.empty()) continue;
      TRY(context_.StopRequested());
      TRY_ASSIGN(const int64_t bytes, PlaceLayer(part.layer_id));
      completion.disk_bytes += bytes;
      completion.layer_ids.push_back(part.layer_id);
    }
    TRY(PosixFileSystem().SyncDirectory(layout.Layers()));
    const std::string received = Folder() + "/" + std::string(storage::kImportedIndex);
    const std::string index = layout.ImageIndex(image.id);
    TRY(SyncFile(received));
    TRY(PosixFileSystem().Rename(received, index));
    TRY(PosixFileSystem().SyncDirectory(layout.Images()));
    completion.disk_bytes += DiskBytes(index);
    completion.index_file = std::to_string(image.id) + std::string(storage::kIndexSuffix);
    return completion;
  }

  /// Bytes that it takes. One that is there already has the same bytes, or it is another one: only whoever
  /// has them may refer to them, and a checksum is no proof of that.
  Result<int64_t> PlaceLayer(const std::string& id) {
    const std::string received = storage::LayerPath(Folder(), id);
    const std::string path = host_.layout.Layer(id);
    const std::lock_guard placing(imports_.Placing());
    TRY_ASSIGN(const bool there, PosixFileSystem().Exists(path));
    if (there) {
      TRY_ASSIGN(const bool same, storage::SameBytes(PosixFileSystem(), received, path));
      if (same) return 0;
      return Fail(ErrorCode::kAlreadyExists, "a layer of the file is here already, with other bytes",
                  "One of the two is not what an export made.");
    }
    TRY(SyncFile(received));
    TRY(PosixFileSystem().Rename(received, path));
    return DiskBytes(path);
  }

  std::vector<std::string> Warnings() const {
    std::vector<std::string> warnings = Missing();
    if (!held_.image.mask_digest.empty() && !Masks()) {
      warnings.emplace_back(
          "the file says that its image is masked, which only root's import takes over: here it counts as "
          "not "
          "masked");
    }
    return warnings;
  }

  /// An image that no server here can run is an image all the same.
  std::vector<std::string> Missing() const {
    const auto engine = engines::FindEngine(held_.image.engine);
    if (!engine) return {};
    const std::string major = (*engine)->MajorVersion(held_.image.engine_version);
    const auto found = host_.installations.ForDataOrDetect(**engine, held_.image.engine_version);
    if (found) return {};
    return {std::string((*engine)->DisplayName()) + " " + major +
            " is not installed here, and containers of this image need it: " + found.error().message +
            (found.error().hint.empty() ? "" : ". " + found.error().hint)};
  }

  const storage::ExportHead& Head() const { return held_.receiver->Head(); }
  std::string Folder() const { return held_.hold->Folder(); }

  BuildHost& host_;
  Imports& imports_;
  const ImportOrder& order_;
  const BuildStop stop_;
  const BuildContext context_;
  Imports::Held held_;
  storage::ImportedImage checked_;
};

}  // namespace

Result<ImportedRow> ImportImage(BuildHost& host, Imports& imports, const ImportOrder& order,
                                BuildProgress& progress, const std::stop_token& stop) {
  Importing importing(host, imports, order, progress, stop);
  auto imported = importing.Make();
  if (imported) {
    spdlog::info("image {} ('{}') was imported", imported->row.id, imported->row.name);
    return imported;
  }
  Error error = WhyItEnded(std::move(imported.error()), importing.Context(), "the import");
  spdlog::warn("import '{}' became no image: {}", order.request.import, error.message);
  return Fail(std::move(error));
}

}  // namespace spawnd::daemon
