#include "daemon/reconcile.h"

#include <spdlog/spdlog.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "daemon/catalog/catalog.h"
#include "daemon/containers/containers.h"
#include "daemon/images/builtin.h"
#include "daemon/images/images.h"
#include "daemon/keeper/client.h"
#include "daemon/store/layout.h"
#include "storage/image/image_files.h"

namespace spawnd::daemon {
namespace {

/// Ends the keeper of a directory, then removes the directory.
Result<void> RemoveWithKeeper(const std::string& directory) {
  TRY(KeeperClient::End(directory, kKillDeadline));
  return RemoveTree(directory);
}

/// Removes each directory entry that `is_orphan` picks.
Result<void> Sweep(const std::string& directory, const std::function<bool(std::string_view)>& is_orphan,
                   const std::function<Result<void>(const std::string&)>& remove) {
  TRY_ASSIGN(const auto names, PosixFileSystem().List(directory));
  for (const std::string& name : names) {
    if (!is_orphan(name)) continue;
    const std::string path = directory + "/" + name;
    const auto removed = remove(path);
    if (removed) {
      spdlog::info("removed '{}': nothing refers to it", path);
    } else {
      spdlog::error("'{}' stays: {}", path, removed.error().message);
    }
  }
  return {};
}

/// No build survives its daemon: the client that waited for it is gone. Returns the images whose keeper would
/// not end, so that nothing of theirs may be touched.
Result<std::set<int64_t>> EndBuilds(const StoreLayout& layout) {
  std::set<int64_t> stuck;
  const auto is_build = [](std::string_view name) { return IdFromName(name, "") != 0; };
  TRY(Sweep(layout.Builds(), is_build, [&stuck](const std::string& path) {
    auto removed = RemoveWithKeeper(path);
    if (!removed) stuck.insert(IdFromName(path.substr(path.rfind('/') + 1), ""));
    return removed;
  }));
  return stuck;
}

Result<void> ForgetPendingImages(Catalog& catalog, const std::set<int64_t>& stuck) {
  TRY_ASSIGN(const auto rows, catalog.images.List(Rows::kAll));
  for (const ImageRow& row : rows) {
    if (row.state != ImageState::kPending || stuck.contains(row.id)) continue;
    // The row first: what it leaves in the store is swept as unknown, now or, after a crash here, next time.
    TRY(catalog.images.Remove(row.id));
    spdlog::info("image {} ('{}') was not finished and is gone", row.id, row.name);
  }
  return {};
}

Result<void> SweepStore(const StoreLayout& layout, Catalog& catalog, bool keep_layers) {
  std::set<int64_t> images;
  TRY_ASSIGN(const auto rows, catalog.images.List(Rows::kAll));
  for (const ImageRow& row : rows) images.insert(row.id);
  TRY_ASSIGN(const auto referenced, catalog.images.LayersReferenced());
  const std::set<std::string, std::less<>> layers(referenced.begin(), referenced.end());

  const auto unknown_image = [&images](std::string_view name, std::string_view suffix) {
    const int64_t id = IdFromName(name, suffix);
    return id != 0 && !images.contains(id);
  };
  const std::string temporary_index = storage::TemporaryPath(storage::kIndexSuffix);
  TRY(Sweep(
      layout.Images(),
      [&](std::string_view name) {
        return unknown_image(name, storage::kIndexSuffix) || unknown_image(name, temporary_index);
      },
      RemoveFile));
  TRY(Sweep(
      layout.Logs(), [&](std::string_view name) { return unknown_image(name, ".log"); }, RemoveFile));
  // A build that would not end may still write its layer, and its row does not name it yet.
  if (keep_layers) return {};
  const std::string temporary_layer = storage::TemporaryPath(storage::kLayerSuffix);
  return Sweep(
      layout.Layers(),
      [&](std::string_view name) {
        if (!LayerIdFromName(name, temporary_layer).empty()) return true;
        const std::string_view id = LayerIdFromName(name, storage::kLayerSuffix);
        return !id.empty() && !layers.contains(id);
      },
      RemoveFile);
}

Result<void> ReconcileContainers(const StoreLayout& layout, Catalog& catalog, Containers& containers) {
  TRY_ASSIGN(const auto rows, catalog.containers.List(Rows::kAll));
  std::set<int64_t> known;
  for (const ContainerRow& row : rows) known.insert(row.id);
  TRY(Sweep(
      layout.Containers(),
      [&known](std::string_view name) {
        const int64_t id = IdFromName(name, "");
        return id != 0 && !known.contains(id);
      },
      RemoveWithKeeper));
  for (const ContainerRow& row : rows) TRY(containers.Adopt(row));
  return {};
}

Result<void> ResumeImageRemovals(Catalog& catalog, Images& images) {
  TRY_ASSIGN(const auto rows, catalog.images.List(Rows::kAll));
  for (const ImageRow& row : rows) {
    if (row.state == ImageState::kDeleting) images.ResumeDelete(row.id);
  }
  return {};
}

}  // namespace

Result<void> CheckStoreHasCatalog(const StoreLayout& layout, bool catalog_is_new) {
  if (!catalog_is_new) return {};
  for (const std::string& directory : {layout.Images(), layout.Containers()}) {
    TRY_ASSIGN(const auto names, PosixFileSystem().List(directory));
    if (names.empty()) continue;
    return Fail(ErrorCode::kCorrupt,
                "'" + layout.Catalog() + "' is missing, but '" + directory + "' is not empty",
                "Put the catalog back from a backup. To begin anew, remove '" + layout.Root() +
                    "' with all that is in it.");
  }
  return {};
}

Result<void> Reconcile(const StoreLayout& layout, Catalog& catalog, Containers& containers, Images& images,
                       const BuiltIns& built_ins) {
  TRY_ASSIGN(const auto stuck, EndBuilds(layout));
  TRY(ForgetPendingImages(catalog, stuck));
  TRY(SweepStore(layout, catalog, !stuck.empty()));
  TRY(ReconcileContainers(layout, catalog, containers));
  TRY(ResumeImageRemovals(catalog, images));
  return built_ins.DropSuperseded(images);
}

}  // namespace spawnd::daemon
