#include "daemon/tools/backup_mount.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/descriptors.h"
#include "base/message.h"

namespace spawnd::daemon {
namespace {

/// -1 with errno. EINVAL: the folder is in mounts that this process does not see.
int CloneHere(int folder_fd) {
  return ::open_tree(folder_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
}

/// A process of its own goes for it: one with threads cannot enter other mounts, and this one is not to.
/// Between fork and exit only calls that are safe there.
Result<UniqueFd> CloneAtClient(int folder_fd, int client) {
  TRY_ASSIGN(SocketPair sockets, MakeSocketPair(SOCK_SEQPACKET));
  const pid_t pid = ::_Fork();
  if (pid < 0) return FailErrno(errno, "cannot start a process");
  if (pid == 0) {
    const int mount = ::setns(client, CLONE_NEWNS) == 0 ? CloneHere(folder_fd) : -1;
    const int err = mount < 0 ? errno : 0;
    ::_exit(mount >= 0 && SendDescriptor(sockets.theirs.Get(), mount) ? 0 : err);
  }
  sockets.theirs.Reset();
  auto message = ReceiveMessage(sockets.ours.Get());
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (message && !message->descriptors.empty()) return std::move(message->descriptors.front());
  return FailErrno(WIFEXITED(status) ? WEXITSTATUS(status) : EIO, "the client's mounts cannot be entered");
}

Result<UniqueFd> Clone(int folder_fd, int client) {
  UniqueFd mount(CloneHere(folder_fd));
  if (mount.Valid()) return mount;
  if (errno == EINVAL && client >= 0) return CloneAtClient(folder_fd, client);
  return FailErrno(errno, "cannot copy its mount");
}

}  // namespace

Result<UniqueFd> CloneFolder(int folder_fd, int client, const std::string& name) {
  auto mount = Clone(folder_fd, client);
  if (!mount) return Fail(mount.error().Wrap("cannot hand backup '" + name + "' to a tool"));
  mount_attr inert{};
  inert.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  // What is mounted or unmounted at the original later is no affair of the copy.
  inert.propagation = MS_PRIVATE;
  if (::mount_setattr(mount->Get(), "", AT_EMPTY_PATH, &inert, sizeof inert) != 0) {
    return FailErrno(errno, "cannot make backup '" + name + "' read-only");
  }
  return mount;
}

}  // namespace spawnd::daemon
