#include "daemon/reconcile.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "daemon/catalog/catalog.h"
#include "daemon/containers/containers.h"
#include "daemon/images/builtin.h"
#include "daemon/images/images.h"
#include "daemon/keeper/client.h"
#include "daemon/set_aside.h"
#include "daemon/store/checked_text.h"
#include "daemon/store/generation.h"
#include "daemon/store/layout.h"
#include "daemon/store/unknown.h"
#include "daemon/store/volumes.h"
#include "storage/image/image_files.h"

namespace spawnd::daemon {
namespace {

/// Ends the keeper of a directory, then removes the directory.
Result<void> RemoveWithKeeper(const std::string& directory) {
  TRY(KeeperClient::End(directory, kKillDeadline));
  return RemoveTree(directory);
}

bool RemoveUnfinished(const std::string& path,
                      const std::function<Result<void>(const std::string&)>& remove) {
  const auto removed = remove(path);
  if (removed) {
    spdlog::info("removed '{}': it was never finished", path);
  } else {
    spdlog::error("'{}' stays: {}", path, removed.error().message);
  }
  return removed.has_value();
}

/// Removes each directory entry that `is_ours` picks.
Result<void> Sweep(const std::string& directory, const std::function<bool(std::string_view)>& is_ours,
                   const std::function<Result<void>(const std::string&)>& remove) {
  TRY_ASSIGN(const auto names, PosixFileSystem().List(directory));
  for (const std::string& name : names) {
    if (!is_ours(name)) continue;
    RemoveUnfinished(directory + "/" + name, remove);
  }
  return {};
}

/// No build survives its daemon: the client that waited for it is gone. All at once, because each of those
/// that hang takes seconds. Returns the images whose keeper would not end, so that nothing of theirs may be
/// touched.
Result<std::set<int64_t>> EndBuilds(const StoreLayout& layout) {
  constexpr size_t kAtOnce = 32;
  TRY_ASSIGN(const auto names, PosixFileSystem().List(layout.Builds()));
  std::mutex mutex;
  std::set<int64_t> stuck;
  std::atomic<size_t> next = 0;
  const auto end_some = [&] {
    for (size_t i = next++; i < names.size(); i = next++) {
      const int64_t id = IdFromName(names[i], "");
      if (names[i].starts_with(kUnpackedPrefix))
        RemoveUnfinished(layout.Builds() + "/" + names[i], RemoveTree);
      if (id == 0 || RemoveUnfinished(layout.Builds() + "/" + names[i], RemoveWithKeeper)) continue;
      const std::lock_guard lock(mutex);
      stuck.insert(id);
    }
  };
  std::vector<std::jthread> threads;
  for (size_t i = 1; i < std::min(names.size(), kAtOnce); ++i) threads.emplace_back(end_some);
  end_some();
  threads.clear();
  return stuck;
}

/// An image that has its index is whole: its build was killed just before it could say so, or the catalog is
/// older than it, and then containers may stand on it. So only its row goes, and its files are as unknown as
/// others.
Result<void> EndPendingImages(const StoreLayout& layout, Catalog& catalog, const std::set<int64_t>& stuck) {
  TRY_ASSIGN(const auto rows, catalog.images.List(Rows::kAll));
  const auto because = catalog.events.Because({.detail = "the daemon stopped before it was made"});
  for (const ImageRow& row : rows) {
    if (row.state != ImageState::kPending || stuck.contains(row.id)) continue;
    TRY_ASSIGN(const bool whole, PosixFileSystem().Exists(layout.ImageIndex(row.id)));
    if (whole) {
      TRY(catalog.images.Remove(row.id));
      spdlog::warn("image {} ('{}') is whole, but was never said to be completed: it is forgotten", row.id,
                   row.name);
    } else {
      TRY(catalog.images.MarkDeleting(row.id));
      spdlog::info("image {} ('{}') was not finished and goes", row.id, row.name);
    }
  }
  return {};
}

/// What seals have left that did not come to their end, but for those that may still go on.
Result<void> SweepTemporaryFiles(const StoreLayout& layout, Catalog& catalog,
                                 const std::set<int64_t>& stuck) {
  std::set<std::string, std::less<>> layers;
  for (const int64_t id : stuck) {
    TRY_ASSIGN(const auto leased, catalog.images.LayersOf(id));
    layers.insert(leased.begin(), leased.end());
  }
  const auto is_index = [&, suffix = storage::TemporaryPath(storage::kIndexSuffix)](std::string_view name) {
    const int64_t id = IdFromName(name, suffix);
    return id != 0 && !stuck.contains(id);
  };
  TRY(Sweep(layout.Images(), is_index, RemoveFile));
  const auto is_manifest = [suffix = UnfinishedCheckedText(std::string(kManifestSuffix))](
                               std::string_view name) { return IdFromName(name, suffix) != 0; };
  TRY(Sweep(layout.Images(), is_manifest, RemoveFile));
  const auto is_layer = [&, suffix = storage::TemporaryPath(storage::kLayerSuffix)](std::string_view name) {
    const std::string_view id = LayerIdFromName(name, suffix);
    return !id.empty() && !layers.contains(id);
  };
  return Sweep(layout.Layers(), is_layer, RemoveFile);
}

/// When something was last written to a container, as far as its files tell; 1970 when they do not.
timespec LastUse(const StoreLayout& layout, const ContainerRow& row) {
  const std::string delta = layout.Delta(row.id, row.volume);
  timespec last{};
  for (const std::string& name : PosixFileSystem().List(delta).value_or(std::vector<std::string>())) {
    struct stat st {};
    if (::stat((delta + "/" + name).c_str(), &st) != 0) continue;
    const bool is_later =
        std::pair(st.st_mtim.tv_sec, st.st_mtim.tv_nsec) > std::pair(last.tv_sec, last.tv_nsec);
    if (is_later) last = st.st_mtim;
  }
  return last;
}

/// One that goes back makes its volume anew.
Result<void> FindVolume(const StoreLayout& layout, Catalog& catalog, ContainerRow& row) {
  const bool settled = row.state != ContainerState::kReverting && row.state != ContainerState::kCreating &&
                       row.state != ContainerState::kDeleting;
  const std::string found = settled ? FoundVolumeOf(layout, row) : row.volume;
  if (found == row.volume) return {};
  spdlog::warn("container {} ('{}') is in another volume than the catalog says: in '{}'", row.id, row.name,
               layout.Volume(row.id, found));
  const auto because = catalog.events.Because({.word = "recovered"});
  TRY(catalog.containers.MoveTo(row.id, found));
  row.volume = found;
  return {};
}

/// Those used last come first: they are the first to run again.
Result<void> AdoptContainers(const StoreLayout& layout, Catalog& catalog, Containers& containers) {
  TRY_ASSIGN(auto rows, catalog.containers.List(Rows::kAll));
  for (ContainerRow& row : rows) TRY(FindVolume(layout, catalog, row));
  std::map<int64_t, timespec> used;
  for (const ContainerRow& row : rows) used[row.id] = LastUse(layout, row);
  std::stable_sort(rows.begin(), rows.end(), [&used](const ContainerRow& a, const ContainerRow& b) {
    const timespec& first = used[a.id];
    const timespec& second = used[b.id];
    return std::pair(first.tv_sec, first.tv_nsec) > std::pair(second.tv_sec, second.tv_nsec);
  });
  return containers.Adopt(std::move(rows));
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
  const auto required = catalog_is_new ? RequireCatalog(layout) : Result<void>();
  if (!required && required.error().code == ErrorCode::kNotFound) return {};  // nothing is there yet
  return required;
}

Result<void> Reconcile(const StoreLayout& layout, Catalog& catalog, Containers& containers, Images& images,
                       const BuiltIns& built_ins) {
  // Before the first id is given: one that came again would meet the files of what had it first.
  TRY_ASSIGN(const int64_t largest, LargestIdOnDisk(layout));
  TRY(catalog.SkipIds(largest));
  TRY_ASSIGN(const auto stuck, EndBuilds(layout));
  TRY(TakeBackWhatIsKnown(layout, catalog));
  TRY(EndPendingImages(layout, catalog, stuck));
  TRY(SweepTemporaryFiles(layout, catalog, stuck));
  TRY(SetAsideWhatIsUnknown(layout, catalog));
  TRY(AdoptContainers(layout, catalog, containers));
  TRY(ResumeImageRemovals(catalog, images));
  return built_ins.DropSuperseded(images);
}

}  // namespace spawnd::daemon
