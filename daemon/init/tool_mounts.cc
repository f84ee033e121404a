#include "daemon/init/tool_mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"
#include "daemon/init/mounts.h"
#include "daemon/init/private_mounts.h"
#include "engines/restore.h"

namespace spawnd::daemon {
namespace {

constexpr unsigned long kInert = MS_NOSUID | MS_NODEV | MS_NOEXEC;

Result<void> Attach(int mount_fd, const char* place) {
  if (::mkdir(place, 0755) != 0) return FailErrno(errno, std::string("cannot make '") + place + "'");
  if (::move_mount(mount_fd, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return FailErrno(errno, std::string("cannot mount '") + place + "'");
  }
  return {};
}

Result<void> MountMemory(const char* place, const char* options) {
  if (::mount("spawnd", place, "tmpfs", kInert, options) == 0) return {};
  return FailErrno(errno, std::string("cannot mount memory at '") + place + "'");
}

}  // namespace

Result<void> EnterToolMounts(const std::vector<std::string>& binds, int folder_fd) {
  const std::string engine_root = ContainerPaths().engine_root;
  TRY_ASSIGN(const UniqueFd engine, CloneTree(engine_root, true));
  TRY_ASSIGN(const UniqueFd accounts, CloneTree(kAccountsDirectory));
  // Taken away and not only covered: a copy of the volume's mount would keep it busy.
  for (auto bind = binds.rbegin(); bind != binds.rend(); ++bind) {
    if (::umount2(bind->c_str(), MNT_DETACH) != 0) return FailErrno(errno, "cannot unmount '" + *bind + "'");
  }
  if (::umount2(kRunDirectory, MNT_DETACH) != 0) {
    return FailErrno(errno, std::string("cannot unmount '") + kRunDirectory + "'");
  }
  TRY(MountMemory(kRunDirectory, "mode=0755,size=64k,nr_inodes=16"));
  TRY(Attach(engine.Get(), engine_root.c_str()));
  TRY(Attach(accounts.Get(), kAccountsDirectory));
  if (folder_fd >= 0) TRY(Attach(folder_fd, engines::kBackupFolder));
  mount_attr read_only{};
  read_only.attr_set = MOUNT_ATTR_RDONLY;
  if (::mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &read_only, sizeof read_only) != 0) {
    return FailErrno(errno, "cannot make the mounts of a tool read-only");
  }
  TRY(MountMemory("/tmp", "mode=1777,size=64m,nr_inodes=4096"));
  // Without the kernel's own files: root without capabilities could write some of them.
  if (::mount("proc", "/proc", "proc", kInert, "subset=pid") != 0) {
    return FailErrno(errno, "cannot mount the processes of a tool");
  }
  return {};
}

}  // namespace spawnd::daemon
