#include "daemon/init/mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/descriptors.h"

namespace spawnd::daemon {

Result<UniqueFd> CloneTree(const std::string& path, bool recursive) {
  const unsigned flags =
      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0U);
  UniqueFd tree(::open_tree(AT_FDCWD, path.c_str(), flags));
  if (!tree.Valid()) return FailErrno(errno, "cannot take a copy of the mount of '" + path + "'");
  return tree;
}

Result<UniqueFd> CloneInstallation(const std::string& root) {
  TRY_ASSIGN(UniqueFd tree, CloneTree(root));
  TRY(RestrictTree(tree.Get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
  return tree;
}

Result<void> RestrictTree(int tree, uint64_t attributes) {
  mount_attr wanted{};
  wanted.attr_set = attributes;
  wanted.propagation = MS_PRIVATE;
  if (::mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &wanted, sizeof wanted) != 0) {
    return FailErrno(errno, "cannot restrict a mount");
  }
  return {};
}

Result<void> AttachTree(int tree, const std::string& to) {
  if (::move_mount(tree, "", AT_FDCWD, to.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return FailErrno(errno, "cannot mount at '" + to + "'");
  }
  return {};
}

Result<void> BindRestricted(const std::string& from, const std::string& to, uint64_t attributes) {
  TRY_ASSIGN(const UniqueFd tree, CloneTree(from, true));
  TRY(RestrictTree(tree.Get(), attributes));
  return AttachTree(tree.Get(), to);
}

Result<void> MountMemory(const std::string& at, unsigned long flags, const std::string& options) {
  if (::mount("spawnd", at.c_str(), "tmpfs", flags, options.c_str()) != 0) {
    return FailErrno(errno, "cannot mount memory at '" + at + "'");
  }
  return {};
}

Result<void> MakeDirectories(const std::string& root, const std::string& path) {
  for (size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string one = root + path.substr(0, end);
    if (::mkdir(one.c_str(), 0755) != 0) {
      if (errno == EEXIST) continue;
      return FailErrno(errno, "cannot make '" + one + "'");
    }
    // Keepers have a umask that would leave it to root alone.
    if (::chmod(one.c_str(), 0755) != 0) return FailErrno(errno, "cannot set the mode of '" + one + "'");
  }
  return {};
}

Result<void> MakeDirectory(const std::string& path, mode_t mode, uid_t uid, gid_t gid) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    return FailErrno(errno, "cannot make '" + path + "'");
  if (::chmod(path.c_str(), mode) != 0) return FailErrno(errno, "cannot set the mode of '" + path + "'");
  if (::chown(path.c_str(), uid, gid) != 0) return FailErrno(errno, "cannot set the owner of '" + path + "'");
  return {};
}

Result<void> WriteWorldReadable(const std::string& path, const std::string& content) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd.Valid()) return FailErrno(errno, "cannot make '" + path + "'");
  // Keepers have a umask of their own.
  if (::fchmod(fd.Get(), 0644) != 0) return FailErrno(errno, "cannot set the mode of '" + path + "'");
  if (const int err = WriteAll(fd.Get(), content); err != 0) {
    return FailErrno(err, "cannot write '" + path + "'");
  }
  return {};
}

Result<void> PivotInto(const std::string& new_root) {
  if (::chdir(new_root.c_str()) != 0) return FailErrno(errno, "cannot enter '" + new_root + "'");
  // The old root ends up on top of the new one, and goes from there: no folder is needed to put it in.
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return FailErrno(errno, "cannot change the root");
  if (::umount2(".", MNT_DETACH) != 0) return FailErrno(errno, "cannot let go of the old root");
  if (::chdir("/") != 0) return FailErrno(errno, "cannot enter the new root");
  return {};
}

}  // namespace spawnd::daemon
