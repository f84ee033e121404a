#include "daemon/containers/other_volumes.h"

#include "base/file.h"
#include "daemon/keeper/client.h"
#include "daemon/store/volumes.h"
#include "storage/delta/revision.h"
#include "storage/unsaved.h"

namespace spawnd::daemon {
namespace {

/// By its files: the catalog may not have heard of the last one.
Result<bool> HoldsRevision(const std::string& delta) {
  TRY_ASSIGN(const bool there, PosixFileSystem().Exists(delta));
  if (!there) return false;
  TRY_ASSIGN(const auto numbers, storage::ListRevisions(PosixFileSystem(), delta));
  return !numbers.empty();
}

Result<void> LeaveVolume(const StoreLayout& layout, const ControlGroups& groups, int64_t id,
                         const std::string& volume) {
  TRY(KeeperClient::End(layout.Volume(id, volume), kKillDeadline));
  groups.Remove(ControlGroups::OfContainer(id, volume));
  const std::string delta = layout.Delta(id, volume);
  TRY_ASSIGN(const bool holds, HoldsRevision(delta));
  return holds ? storage::DropUnsaved(PosixFileSystem(), delta) : RemoveVolume(layout, id, volume);
}

}  // namespace

Result<void> EndKeepers(const StoreLayout& layout, int64_t id) {
  Result<void> ended;
  for (const std::string& volume : VolumesOf(layout, id)) {
    auto one = KeeperClient::End(layout.Volume(id, volume), kKillDeadline);
    if (ended) ended = std::move(one);
  }
  return ended;
}

Result<void> LeaveVolumes(const StoreLayout& layout, const ControlGroups& groups, int64_t id,
                          const std::vector<std::string>& volumes) {
  Result<void> left;
  for (const std::string& volume : volumes) {
    auto one = LeaveVolume(layout, groups, id, volume);
    if (left) left = std::move(one);
  }
  return left;
}

}  // namespace spawnd::daemon
