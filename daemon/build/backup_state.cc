#include "daemon/build/backup_state.h"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <optional>

namespace spawnd::daemon {
namespace {

tl::unexpected<Error> Changed(const std::string& what, const std::string& how) {
  return Fail(
      ErrorCode::kInvalidArgument, what + " " + how + " while it was read",
      "Wait until whatever writes it is done, or name a copy of it. The files of a running server are no "
      "backup: its own tool makes one.");
}

}  // namespace

void BackupState::Add(const std::string& path, const struct stat& st) {
  bytes_ += static_cast<uint64_t>(st.st_size);
  written_bytes_ += std::min(static_cast<uint64_t>(st.st_size), static_cast<uint64_t>(st.st_blocks) * 512);
  files_.insert_or_assign(std::hash<std::string>()(path), Stamp(st));
}

Result<BackupState> BackupState::Of(const FileRights& rights, int fd, bool is_folder) {
  BackupState state(is_folder);
  if (is_folder) {
    TRY(EachFileBeneath(rights, fd, kMostFiles,
                        [&state](const std::string& path, const struct stat& st) { state.Add(path, st); }));
    return state;
  }
  struct stat st {};
  if (::fstat(fd, &st) != 0) return FailErrno(errno, "cannot look at a backup");
  state.Add({}, st);
  return state;
}

Result<void> BackupState::CheckUnchanged(const FileRights& rights, int fd, const std::string& name) const {
  if (!is_folder_) {
    struct stat st {};
    if (::fstat(fd, &st) != 0) return FailErrno(errno, "cannot look at backup '" + name + "'");
    return Stamp(st) == files_.begin()->second ? Result<void>() : Changed("backup '" + name + "'", "changed");
  }
  std::optional<std::string> changed;
  size_t found = 0;
  TRY(EachFileBeneath(rights, fd, 2 * kMostFiles, [&](const std::string& path, const struct stat& st) {
    const auto before = files_.find(std::hash<std::string>()(path));
    if (before == files_.end()) return;
    ++found;
    if (!changed && Stamp(st) != before->second) changed = path;
  }));
  if (changed) return Changed("file '" + *changed + "' of backup '" + name + "'", "changed");
  if (found < files_.size()) return Changed("files of backup '" + name + "'", "were removed");
  return {};
}

}  // namespace spawnd::daemon
