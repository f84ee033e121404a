#include "daemon/fsck/check.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/file.h"
#include "base/unique_fd.h"
#include "daemon/keeper/container_lock.h"
#include "daemon/keeper/protocol.h"
#include "daemon/store/checked_text.h"
#include "daemon/store/manifest_file.h"
#include "daemon/store/unknown.h"
#include "daemon/store/volumes.h"
#include "storage/boot_id.h"
#include "storage/delta/delta_verify.h"
#include "storage/delta/revision.h"
#include "storage/image/image_files.h"
#include "storage/image/image_verify.h"

namespace spawnd::daemon {
namespace {

std::string NameAndId(const ContainerRow& row) {
  return "data container '" + row.name + "' (" + std::to_string(row.id) + ")";
}

/// Everything else (a disk that fails, a file of a newer version, one that may not be opened) leaves open
/// what the bytes are, and marks nothing failed.
bool SaysDamage(const Error& error) {
  return error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kNotFound;
}

Result<bool> IsThere(const std::string& path) {
  return PosixFileSystem().Exists(path);
}

}  // namespace

Result<bool> KeeperRuns(const std::string& directory) {
  return ContainerLock::IsHeld(directory);
}

Result<std::vector<Finding>> FsckCheck::Run() {
  TRY(ReadCatalog());
  TRY(CheckLayers());
  TRY(CheckIndexes());
  TRY(CheckUnfinished(layout_.Layers(), storage::TemporaryPath(storage::kLayerSuffix)));
  TRY(CheckUnfinished(layout_.Images(), storage::TemporaryPath(storage::kIndexSuffix)));
  TRY(CheckUnfinished(layout_.Images(), UnfinishedCheckedText(std::string(kManifestSuffix))));
  TRY(CheckManifests());
  TRY(CheckBuilds());
  TRY(CheckContainers());
  TRY(CheckUnknown());
  return std::move(findings_);
}

Result<void> FsckCheck::ReadCatalog() {
  TRY_ASSIGN(images_, catalog_.images.List(Rows::kAll));
  TRY_ASSIGN(containers_, catalog_.containers.List(Rows::kAll));
  std::set<int64_t> completed;
  for (const ImageRow& row : images_) {
    if (row.state == ImageState::kCompleted) completed.insert(row.id);
  }
  TRY_ASSIGN(const auto uses, catalog_.images.LayerUses());
  for (const auto& [image, layer] : uses) {
    if (completed.contains(image)) users_[layer].push_back(image);
  }
  return {};
}

std::string FsckCheck::Describe(const std::vector<ImageRow>& images) const {
  std::string text;
  for (const ImageRow& image : images) {
    text +=
        (text.empty() ? "" : ", ") + ("data image '" + image.name + "' (" + std::to_string(image.id) + ")");
    for (const ContainerRow& row : containers_) {
      if (row.image_id == image.id) text += ", " + NameAndId(row);
    }
  }
  return text;
}

std::function<Result<void>()> FsckCheck::FailImages(const std::vector<ImageRow>& images,
                                                    const std::string& why) {
  return [this, images, why]() -> Result<void> {
    for (const ImageRow& image : images) TRY(catalog_.images.MarkDamaged(image.id, why));
    return {};
  };
}

void FsckCheck::AddDelete(const std::string& path, const std::string& problem) {
  findings_.push_back({path, problem, "", "delete it", [path] { return RemoveTree(path); }});
}

void FsckCheck::AddMove(const std::vector<std::string>& paths, const std::string& problem) {
  findings_.push_back({paths.front(), problem, "", "move it to '" + layout_.LostAndFound() + "'",
                       [this, paths]() -> Result<void> {
                         for (const std::string& path : paths) TRY(lost_.Keep(path));
                         return {};
                       }});
}

Result<bool> FsckCheck::AddTakeBack(const std::vector<std::string>& paths, const std::string& affects) {
  bool found = false;
  for (const std::string& path : paths) {
    TRY_ASSIGN(const auto kept, lost_.Find(path));
    if (!kept) continue;
    found = true;
    findings_.push_back({path, "is in '" + *kept + "'", affects, "put it back, as the next start does",
                         [this, path]() -> Result<void> {
                           TRY(lost_.TakeBack(path));
                           return {};
                         }});
  }
  return found;
}

/// Reports a file that cannot be read. Nothing is marked as damaged for it, because the disk may give it
/// tomorrow.
void FsckCheck::AddUnread(const std::string& path, const Error& error, const std::string& affects) {
  const bool newer = error.code == ErrorCode::kUnsupported;
  findings_.push_back(
      {path,
       error.message,
       affects,
       newer ? "start fsck of the spawnd that wrote it" : "look at the disk, then start fsck again",
       {}});
}

Result<void> FsckCheck::CheckLayers() {
  for (const auto& [layer, images] : users_) {
    TRY_ASSIGN(const bool there, IsThere(layout_.Layer(layer)));
    const auto verified = there ? storage::VerifyLayer(PosixFileSystem(), layout_.Layer(layer))
                                : Fail(ErrorCode::kNotFound, "the layer is missing");
    if (!verified) TRY(CheckDamagedLayer(layer, verified.error()));
  }
  return {};
}

Result<void> FsckCheck::CheckDamagedLayer(const std::string& layer, const Error& error) {
  std::vector<ImageRow> affected;
  for (const int64_t id : users_.at(layer)) {
    TRY_ASSIGN(ImageRow row, catalog_.images.ById(id));
    affected.push_back(std::move(row));
    damaged_.insert(id);
  }
  const std::string path = layout_.Layer(layer);
  TRY_ASSIGN(const bool kept, AddTakeBack({path}, Describe(affected)));
  if (kept) return {};
  if (!SaysDamage(error)) {
    AddUnread(path, error, Describe(affected));
    return {};
  }
  findings_.push_back({path, error.message, Describe(affected),
                       "mark the images failed; their containers go on, and get errors for what is damaged",
                       FailImages(affected, "'" + path + "': " + error.message)});
  return {};
}

Result<void> FsckCheck::CheckIndexes() {
  for (const ImageRow& row : images_) {
    if (row.state != ImageState::kCompleted) continue;
    const std::string path = layout_.Images() + "/" + row.index_file;
    TRY_ASSIGN(const bool kept, AddTakeBack({layout_.ImageLog(row.id), layout_.ImageManifest(row.id), path},
                                            Describe(std::vector<ImageRow>{row})));
    if (kept || damaged_.contains(row.id)) continue;
    const auto verified = storage::VerifyImage(PosixFileSystem(), path, layout_.Layers());
    if (verified) continue;
    const std::string affected = Describe(std::vector<ImageRow>{row});
    if (!SaysDamage(verified.error())) {
      AddUnread(path, verified.error(), affected);
      continue;
    }
    findings_.push_back({path, verified.error().message, affected,
                         "mark the image failed; its containers go on, and get errors for what is damaged",
                         FailImages({row}, verified.error().message)});
  }
  return {};
}

/// One that is missing, or behind the catalog by some moments, is written at the next start.
Result<void> FsckCheck::CheckManifests() {
  std::vector<std::pair<ManifestOf, std::string>> all;
  for (const ImageRow& row : images_)
    all.push_back({{ManifestKind::kImage, row.id}, Describe(std::vector<ImageRow>{row})});
  for (const ContainerRow& row : containers_)
    all.push_back({{ManifestKind::kContainer, row.id}, NameAndId(row)});
  for (const auto& [which, affects] : all) {
    const auto manifest = ReadManifest(layout_, which);
    if (manifest || manifest.error().code == ErrorCode::kNotFound) continue;
    const std::string path = ManifestPath(layout_, which);
    if (manifest.error().code != ErrorCode::kCorrupt) {
      AddUnread(path, manifest.error(), affects);
      continue;
    }
    findings_.push_back({path, "the manifest is damaged", affects, "write it anew, as the catalog says",
                         [this, which = which]() -> Result<void> {
                           TRY_ASSIGN(const auto text, ManifestFor(catalog_, which));
                           return text ? WriteManifest(layout_, which, *text) : Result<void>();
                         }});
  }
  return {};
}

Result<void> FsckCheck::CheckUnknown() {
  bool one_runs = false;
  TRY_ASSIGN(const auto containers, FindUnknownContainers(layout_, catalog_));
  for (const int64_t id : containers) {
    TRY_ASSIGN(const bool running, KeeperRuns(layout_.Container(id)));
    one_runs = one_runs || running;
    if (running) continue;
    AddMove({layout_.Container(id)}, "is the folder of a container that the catalog does not know");
  }
  TRY_ASSIGN(const auto images, FindUnknownImages(layout_, catalog_));
  for (const UnknownFiles& files : images) {
    if (one_runs) {
      findings_.push_back({files.paths.front(),
                           files.problem,
                           "perhaps a container that runs and that the catalog does not know",
                           "put the right catalog back, or start fsck again when nothing runs",
                           {}});
    } else {
      AddMove(files.paths, files.problem);
    }
  }
  return {};
}

Result<void> FsckCheck::CheckUnfinished(const std::string& folder, const std::string& suffix) {
  TRY_ASSIGN(const auto names, PosixFileSystem().List(folder));
  for (const std::string& name : names) {
    if (name.ends_with(suffix)) AddDelete(folder + "/" + name, "was never finished");
  }
  return {};
}

Result<void> FsckCheck::CheckBuilds() {
  TRY_ASSIGN(const auto names, PosixFileSystem().List(layout_.Builds()));
  for (const std::string& name : names) {
    const std::string path = layout_.Builds() + "/" + name;
    const bool unpacked = name.starts_with(kUnpackedPrefix);
    if (IdFromName(name, "") == 0 && !unpacked) continue;
    TRY_ASSIGN(const bool running, unpacked ? Result<bool>(false) : KeeperRuns(path));
    if (running) continue;
    AddDelete(path, "is left over from an image build that ended");
  }
  return {};
}

Result<void> FsckCheck::CheckContainers() {
  for (const ContainerRow& row : containers_) {
    // The next start of the daemon takes away what is half made or half gone.
    const bool settled = row.state == ContainerState::kRunning || row.state == ContainerState::kRestarting ||
                         row.state == ContainerState::kFailed || row.state == ContainerState::kStopped ||
                         row.state == ContainerState::kAsleep;
    if (!settled || row.stays_down) continue;
    TRY_ASSIGN(const bool kept, AddTakeBack({layout_.Container(row.id)}, NameAndId(row)));
    if (kept) continue;
    std::set<std::string> volumes{row.volume};
    for (const RevisionRow& revision : row.revisions) volumes.insert(revision.volume);
    for (const std::string& volume : VolumesOf(layout_, row.id)) volumes.insert(volume);
    for (const std::string& volume : volumes) {
      TRY_ASSIGN(const bool running, KeeperRuns(layout_.Volume(row.id, volume)));
      if (!running) TRY(CheckVolume(row, volume));
    }
  }
  return {};
}

/// Those that the container is in, or was when a revision was saved.
bool FsckCheck::IsNeeded(const ContainerRow& row, const std::string& volume) const {
  return row.volume == volume || FoundVolumeOf(layout_, row) == volume ||
         std::any_of(row.revisions.begin(), row.revisions.end(),
                     [&volume](const RevisionRow& revision) { return revision.volume == volume; });
}

/// As a start of the daemon, which ends what is left of second servers.
Result<void> FsckCheck::CheckUnneeded(const ContainerRow& row, const std::string& volume) {
  const std::string delta = layout_.Delta(row.id, volume);
  TRY_ASSIGN(const bool there, IsThere(volume.empty() ? delta : layout_.Volume(row.id, volume)));
  const auto revisions = storage::ListRevisions(PosixFileSystem(), delta);
  if (!there || (revisions && !revisions->empty())) return {};
  findings_.push_back({volume.empty() ? delta : layout_.Volume(row.id, volume),
                       "is left of a server of " + NameAndId(row) + " that has been replaced", "",
                       "delete it",
                       [this, id = row.id, volume] { return RemoveVolume(layout_, id, volume); }});
  return {};
}

Result<void> FsckCheck::CheckVolume(const ContainerRow& row, const std::string& volume) {
  if (!IsNeeded(row, volume)) return CheckUnneeded(row, volume);
  const auto ground = GroundOf(layout_, row.id, volume);
  if (!ground) {
    const std::string path = layout_.Volume(row.id, volume);
    findings_.push_back({path, ground.error().message, NameAndId(row), "mark the container failed",
                         [this, id = row.id, why = ground.error().message] {
                           return catalog_.containers.KeepDown(id, why);
                         }});
    return {};
  }
  TRY_ASSIGN(const std::string boot_id, storage::ReadBootId());
  TRY_ASSIGN(const auto problems,
             storage::VerifyDelta(PosixFileSystem(), layout_.Delta(row.id, volume), boot_id));
  for (const storage::DeltaProblem& problem : problems) {
    const std::string detail = "'" + problem.file + "': " + problem.what;
    findings_.push_back({problem.file, problem.what, NameAndId(row), "mark the container failed",
                         [this, id = row.id, detail] { return catalog_.containers.KeepDown(id, detail); }});
  }
  return {};
}

}  // namespace spawnd::daemon
