#include "daemon/build/backup_mount.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <cerrno>

namespace spawnd::daemon {

Result<UniqueFd> CloneFolder(int folder_fd, const std::string& name) {
  UniqueFd mount(::open_tree(folder_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
  if (!mount.Valid()) return FailErrno(errno, "cannot hand backup '" + name + "' to a tool");
  mount_attr inert{};
  inert.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  // What is mounted or unmounted at the original later is no affair of the copy.
  inert.propagation = MS_PRIVATE;
  if (::mount_setattr(mount.Get(), "", AT_EMPTY_PATH, &inert, sizeof inert) != 0) {
    return FailErrno(errno, "cannot make backup '" + name + "' read-only");
  }
  return mount;
}

}  // namespace spawnd::daemon
