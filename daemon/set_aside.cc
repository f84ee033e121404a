#include "daemon/set_aside.h"

#include <spdlog/spdlog.h>

#include <ctime>
#include <memory>
#include <string>
#include <utility>

#include "base/file.h"
#include "daemon/catalog/catalog.h"
#include "daemon/keeper/client.h"
#include "daemon/keeper/container_lock.h"
#include "daemon/store/layout.h"
#include "daemon/store/lost_and_found.h"
#include "daemon/store/lost_things.h"
#include "daemon/store/manifest_file.h"
#include "daemon/store/unknown.h"
#include "daemon/store/volumes.h"
#include "storage/image/image_files.h"

namespace spawnd::daemon {
namespace {

void TakeBack(LostAndFound& lost, const std::string& path) {
  const auto back = lost.TakeBack(path);
  if (!back) {
    spdlog::error("'{}' is missing, and does not come back: {}", path, back.error().message);
  } else if (*back) {
    spdlog::warn("'{}' is back, from '{}'", path, **back);
  }
}

void SetAside(LostAndFound& lost, const std::string& path, std::string_view problem) {
  const auto kept = lost.Keep(path);
  if (kept) {
    spdlog::warn("'{}' {}: it is now '{}'", path, problem, *kept);
  } else {
    spdlog::error("'{}' {}, and stays: {}", path, problem, kept.error().message);
  }
}

/// The keeper of a container's folder; null when there is none. Errors: when that cannot be told.
Result<std::unique_ptr<KeeperClient>> KeeperIn(const std::string& directory) {
  auto keeper = KeeperClient::Attach(directory);
  if (keeper) return keeper;
  TRY_ASSIGN(const bool held, ContainerLock::IsHeld(directory));
  if (held) return keeper;
  return std::unique_ptr<KeeperClient>();
}

/// The volume of a container in which something runs; of several that which its manifest says it is in.
std::string RunningVolumeOf(const StoreLayout& layout, int64_t id) {
  std::string running;
  for (const std::string& volume : VolumesOf(layout, id)) {
    const auto held = ContainerLock::IsHeld(layout.Volume(id, volume));
    if (held && !*held) continue;
    running = volume;
    const auto manifest = ReadManifest(layout, {ManifestKind::kContainer, id});
    const auto summary = manifest ? SummaryOfManifest(*manifest) : Fail(manifest.error());
    if (!summary || summary->volume == volume) break;
  }
  return running;
}

/// What its keeper knows of a container whose row is lost. Its name, its owner, its lifetime and which
/// revision it is at are not among that.
Result<ContainerRow> RowOf(int64_t id, KeeperClient& keeper, Catalog& catalog) {
  TRY_ASSIGN(const KeeperSpec spec, keeper.Spec());
  const std::string index = spec.index_path.substr(spec.index_path.rfind('/') + 1);
  TRY_ASSIGN(const ImageRow image, catalog.images.ById(IdFromName(index, storage::kIndexSuffix)));
  if (spec.id != id || spec.purpose != engines::Purpose::kServe || image.engine != spec.installation.engine) {
    return Fail(ErrorCode::kCorrupt, "its keeper is another container's");
  }
  ContainerRow row;
  row.id = id;
  row.name = "recovered-" + std::to_string(id);
  row.image_id = image.id;
  row.image_reference = image.name;
  row.host = spec.endpoint.host;
  row.also_listen = spec.endpoint.also;
  row.port = spec.endpoint.port;
  row.user = spec.credentials.user;
  row.password = spec.credentials.password;
  row.database = spec.credentials.database;
  row.superuser = spec.credentials.superuser;
  row.durability = spec.durability == storage::Durability::kAlways ? api::Durability::kAlways
                                                                   : api::Durability::kEverySecond;
  row.network = spec.host_network ? api::Network::kHost : api::Network::kNone;
  row.created_at = std::time(nullptr);
  const auto& revisions = keeper.Started().revisions;
  if (!revisions.empty()) row.revision = RevisionText(revisions.back().number);
  row.installation_root = spec.installation.root;
  row.installation_version = spec.installation.version;
  return row;
}

/// Both rows of the container, if its manifest is there and is its keeper's, and of its image, if that is not
/// known either.
Result<ContainerRow> InsertByManifest(const StoreLayout& layout, int64_t id, KeeperClient& keeper,
                                      Catalog& catalog) {
  TRY_ASSIGN(const KeeperSpec spec, keeper.Spec());
  TRY_ASSIGN(const std::string manifest, ReadManifest(layout, {ManifestKind::kContainer, id}));
  TRY_ASSIGN(const ManifestSummary summary, SummaryOfManifest(manifest));
  if (spec.id != id || summary.of.id != id || spec.purpose != engines::Purpose::kServe)
    return Fail(ErrorCode::kCorrupt, "its manifest is another container's");
  if (!catalog.images.ById(summary.image_id)) {
    const ManifestOf image{ManifestKind::kImage, summary.image_id};
    TRY_ASSIGN(const std::string of_image, ReadManifest(layout, image));
    TRY_ASSIGN(const bool whole, PosixFileSystem().Exists(layout.ImageIndex(image.id)));
    if (!whole) return Fail(ErrorCode::kNotFound, "its image has no index");
    TRY(catalog.manifests.Insert(of_image));
  }
  TRY(catalog.manifests.Insert(manifest));
  return catalog.containers.ById(id);
}

/// True: the folder stays where it is, and it is not known what it stands on.
bool HandleContainer(const StoreLayout& layout, Catalog& catalog, LostAndFound& lost, int64_t id) {
  const std::string directory = layout.Container(id);
  const std::string volume = RunningVolumeOf(layout, id);
  constexpr std::string_view kProblem = "is the folder of a container that the catalog does not know";
  const auto keeper = KeeperIn(layout.Volume(id, volume));
  if (keeper && *keeper == nullptr) {
    SetAside(lost, directory, kProblem);
    return false;
  }
  if (keeper) {
    if (const auto row = InsertByManifest(layout, id, **keeper, catalog)) {
      spdlog::warn("'{}' {}, and it runs: it is container '{}' again, as its manifest says", directory,
                   kProblem, row->name);
      return false;
    }
  }
  auto row = keeper ? RowOf(id, **keeper, catalog) : Fail(keeper.error());
  if (row) row->volume = volume;
  const auto inserted = row ? catalog.containers.InsertFound(*row) : Fail(row.error());
  if (inserted) {
    spdlog::warn("'{}' {}, and it runs: it is container '{}' of root's from now on", directory, kProblem,
                 row->name);
    return false;
  }
  spdlog::warn("'{}' {}, and it runs: it is left alone ({})", directory, kProblem, inserted.error().message);
  return true;
}

}  // namespace

Result<void> TakeBackWhatIsKnown(const StoreLayout& layout, Catalog& catalog) {
  TRY_ASSIGN(const bool anything, PosixFileSystem().Exists(layout.LostAndFound()));
  if (!anything) return {};
  LostAndFound lost(layout, std::time(nullptr));
  TRY_ASSIGN(const auto images, catalog.images.List(Rows::kAll));
  for (const ImageRow& image : images) {
    if (image.state != ImageState::kCompleted) continue;
    TRY_ASSIGN(const auto places, PlacesOf(layout, catalog, {ManifestKind::kImage, image.id}));
    for (const std::string& path : places) TakeBack(lost, path);
  }
  TRY_ASSIGN(const auto containers, catalog.containers.List(Rows::kAll));
  for (const ContainerRow& container : containers) {
    const bool goes =
        container.state == ContainerState::kCreating || container.state == ContainerState::kDeleting;
    if (!goes) TakeBack(lost, layout.Container(container.id));
  }
  return {};
}

Result<void> SetAsideWhatIsUnknown(const StoreLayout& layout, Catalog& catalog) {
  LostAndFound lost(layout, std::time(nullptr));
  const auto because = catalog.events.Because({.word = "recovered"});
  TRY_ASSIGN(const auto containers, FindUnknownContainers(layout, catalog));
  bool images_in_use = false;
  for (const int64_t id : containers) images_in_use |= HandleContainer(layout, catalog, lost, id);
  TRY_ASSIGN(const auto images, FindUnknownImages(layout, catalog));
  for (const UnknownFiles& files : images) {
    for (const std::string& path : files.paths) {
      if (images_in_use) {
        spdlog::warn("'{}' {}: it stays, a container that the catalog does not know may stand on it", path,
                     files.problem);
      } else {
        SetAside(lost, path, files.problem);
      }
    }
  }
  return {};
}

}  // namespace spawnd::daemon
