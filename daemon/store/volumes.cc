#include "daemon/store/volumes.h"

#include <algorithm>
#include <charconv>

#include "base/file.h"
#include "base/random.h"
#include "daemon/store/checked_text.h"
#include "daemon/store/manifest_file.h"

namespace spawnd::daemon {
namespace {

constexpr std::string_view kGround = "ground";
constexpr std::string_view kRevisionPrefix = "rev.";
/// Of a keeper in the container's own folder (daemon/keeper/files.h).
constexpr std::string_view kFilesOfKeeper[] = {"control.sock", "engine.log", "engine.log.1", "last-words",
                                               "keeper.lock"};

/// A decimal number as we write it, above 0; 0: it is none.
uint32_t NumberIn(std::string_view text) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && std::to_string(number) == text ? number : 0;
}

std::string GroundPath(const StoreLayout& layout, int64_t id, std::string_view volume) {
  return layout.Volume(id, volume) + "/" + std::string(kGround);
}

Result<std::optional<HeldRevision>> ReadGround(const StoreLayout& layout, int64_t id,
                                               const std::string& volume) {
  // The first volume of a container lies on its image.
  if (volume.empty()) return std::optional<HeldRevision>();
  const std::string path = GroundPath(layout, id, volume);
  const auto text = ReadCheckedText(path, kGround);
  if (!text && text.error().code == ErrorCode::kNotFound) {
    TRY_ASSIGN(const bool there, PosixFileSystem().Exists(layout.Volume(id, volume)));
    if (!there) return Fail(ErrorCode::kNotFound, "'" + layout.Volume(id, volume) + "' is missing");
    return std::optional<HeldRevision>();
  }
  if (!text) return Fail(text.error());
  std::string_view rest(*text);
  if (rest.ends_with('\n')) rest.remove_suffix(1);
  const size_t blank = std::min(rest.find(' '), rest.size());
  HeldRevision held;
  if (rest.starts_with(kRevisionPrefix)) {
    held.number = NumberIn(rest.substr(kRevisionPrefix.size(), blank - kRevisionPrefix.size()));
  }
  if (blank < rest.size()) held.volume = rest.substr(blank + 1);
  if (held.number == 0 || (blank < rest.size() && VolumeNumber(held.volume) == 0)) {
    return Fail(ErrorCode::kCorrupt, "'" + path + "' names no revision");
  }
  return std::optional(std::move(held));
}

}  // namespace

std::string NewVolumeName() {
  constexpr size_t kDigits = 9;
  return "v" + RandomText(kDigits, "123456789");
}

uint32_t VolumeNumber(std::string_view name) {
  return name.starts_with('v') ? NumberIn(name.substr(1)) : 0;
}

std::vector<std::string> VolumesOf(const StoreLayout& layout, int64_t id) {
  std::vector<std::string> volumes{""};
  const auto names = PosixFileSystem().List(layout.Container(id));
  if (!names) return volumes;
  for (const std::string& name : *names) {
    if (VolumeNumber(name) != 0) volumes.push_back(name);
  }
  return volumes;
}

std::string FoundVolumeOf(const StoreLayout& layout, const ContainerRow& row) {
  const auto is_there = [&](const std::string& volume) {
    const auto there = PosixFileSystem().Exists(layout.Delta(row.id, volume));
    return !there || *there;
  };
  if (is_there(row.volume)) return row.volume;
  const auto manifest = ReadManifest(layout, {ManifestKind::kContainer, row.id});
  const auto summary = manifest ? SummaryOfManifest(*manifest) : Fail(manifest.error());
  return summary && is_there(summary->volume) ? summary->volume : row.volume;
}

Result<void> MakeVolume(const StoreLayout& layout, int64_t id, const std::string& volume,
                        const std::optional<HeldRevision>& ground) {
  TRY(PosixFileSystem().CreateDirectory(layout.Volume(id, volume)));
  if (ground) {
    const std::string text = std::string(kRevisionPrefix) + std::to_string(ground->number) +
                             (ground->volume.empty() ? "" : " " + ground->volume) + "\n";
    TRY(WriteCheckedText(GroundPath(layout, id, volume), kGround, text));
  }
  return PosixFileSystem().SyncDirectory(layout.Container(id));
}

Result<void> RemoveVolume(const StoreLayout& layout, int64_t id, const std::string& volume) {
  if (!volume.empty()) return RemoveTree(layout.Volume(id, volume));
  for (const std::string_view name : kFilesOfKeeper) {
    const auto removed = PosixFileSystem().Remove(layout.Container(id) + "/" + std::string(name));
    if (!removed && removed.error().code != ErrorCode::kNotFound) return removed;
  }
  return RemoveTree(layout.Delta(id, volume));
}

Result<std::vector<storage::RevisionReference>> GroundOn(const StoreLayout& layout, int64_t id,
                                                         const HeldRevision& held) {
  std::vector<storage::RevisionReference> ground;
  for (std::optional<HeldRevision> next = held; next;) {
    // They would lie on themselves.
    if (ground.size() > kMostRevisionsBelow) {
      return Fail(ErrorCode::kCorrupt, "'" + layout.Volume(id, held.volume) + "' lies on too many revisions");
    }
    ground.push_back({.directory = layout.Delta(id, next->volume), .number = next->number});
    TRY_ASSIGN(next, ReadGround(layout, id, next->volume));
  }
  return ground;
}

Result<std::vector<storage::RevisionReference>> GroundOf(const StoreLayout& layout, int64_t id,
                                                         const std::string& volume) {
  TRY_ASSIGN(const auto ground, ReadGround(layout, id, volume));
  if (!ground) return std::vector<storage::RevisionReference>();
  return GroundOn(layout, id, *ground);
}

}  // namespace spawnd::daemon
