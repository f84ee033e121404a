#include "storage/export/idmapped_mount.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace spawnd::storage {
namespace {

/// "inside outside count" a line, as user_namespaces(7) has it; inside is what the disk says.
std::string MapText(unsigned on_disk, unsigned shown) {
  return "0 0 1\n" + std::to_string(on_disk) + " " + std::to_string(shown) + " 1\n";
}

Result<void> WriteMap(const std::string& path, const std::string& text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  // All of it in one call: the kernel takes one only.
  if (!fd.Valid() || ::write(fd.Get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return FailErrno(errno, "cannot write '" + path + "'");
  }
  return {};
}

Result<UniqueFd> MapAndOpen(pid_t child, Owner on_disk, Owner shown) {
  const std::string process = "/proc/" + std::to_string(child);
  TRY(WriteMap(process + "/uid_map", MapText(on_disk.uid, shown.uid)));
  TRY(WriteMap(process + "/gid_map", MapText(on_disk.gid, shown.gid)));
  UniqueFd mapping(::open((process + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  if (!mapping.Valid()) return FailErrno(errno, "cannot open a user namespace");
  return mapping;
}

}  // namespace

Result<UniqueFd> MakeOwnerMapping(Owner on_disk, Owner shown) {
  // The namespace lives as long as its descriptor; the child is needed only to have something in /proc.
  const long child = ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (child < 0) {
    return Fail(ErrorCode::kUnsupported, ErrnoError(errno, "cannot make a user namespace").message);
  }
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (true) ::pause();
  }
  auto mapping = MapAndOpen(static_cast<pid_t>(child), on_disk, shown);
  ::kill(static_cast<pid_t>(child), SIGKILL);
  while (::waitpid(static_cast<pid_t>(child), nullptr, 0) < 0 && errno == EINTR) {
  }
  return mapping;
}

Result<void> MapOwners(int mount, int mapping) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<uint64_t>(mapping);
  if (::mount_setattr(mount, "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) {
    return Fail(ErrorCode::kUnsupported,
                ErrnoError(errno, "cannot show a volume's files as another user's").message);
  }
  return {};
}

}  // namespace spawnd::storage
