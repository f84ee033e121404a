#include "daemon/init/container_root.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "daemon/init/mounts.h"
#include "daemon/init/outer_root.h"
#include "daemon/init/private_mounts.h"

namespace spawnd::daemon {
namespace {

constexpr uint64_t kReadOnly = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
constexpr unsigned long kPlain = MS_NOSUID | MS_NODEV;

constexpr const char* kRootOptions = "mode=0755,size=1m,nr_inodes=1024";
/// It is memory: a sort that needs more has its engine's own folder for it, on the volume.
constexpr const char* kScratchOptions = "mode=1777,size=256m,nr_inodes=16384";

/// What of /proc speaks of the machine and not of the container, as in docker.
constexpr std::array<const char*, 3> kHiddenInProc{"kcore", "keys", "timer_list"};
constexpr std::array<const char*, 2> kReadOnlyInProc{"sys", "sysrq-trigger"};

std::string In(std::string_view path) {
  return kContainerRoot + std::string(path);
}

Result<void> BindLibraries() {
  TRY(MakeDirectories(kContainerRoot, "/usr"));
  TRY(BindRestricted("/usr", In("/usr"), kReadOnly));
  for (const char* const* folder = LibraryFolders(); *folder != nullptr; ++folder) {
    const std::string path = std::string("/") + *folder;
    std::array<char, 256> target{};
    if (::readlink(path.c_str(), target.data(), target.size() - 1) > 0) {
      if (::symlink(target.data(), In(path).c_str()) != 0) return FailErrno(errno, "cannot make " + path);
    } else if (::access(path.c_str(), F_OK) == 0) {
      TRY(MakeDirectories(kContainerRoot, path));
      TRY(BindRestricted(path, In(path), kReadOnly));
    }
  }
  return {};
}

Result<void> MountProc() {
  const std::string proc = In("/proc");
  TRY(MakeDirectories(kContainerRoot, "/proc"));
  // hidepid: of processes that are somebody else's, process 1 that is, there is nothing to see.
  if (::mount("proc", proc.c_str(), "proc", kPlain | MS_NOEXEC, "hidepid=2") != 0) {
    return FailErrno(errno, "cannot mount /proc");
  }
  for (const char* name : kHiddenInProc) {
    const std::string path = proc + "/" + name;
    if (::access(path.c_str(), F_OK) == 0) TRY(BindRestricted("/dev/null", path, kReadOnly));
  }
  for (const char* name : kReadOnlyInProc) {
    const std::string path = proc + "/" + name;
    if (::access(path.c_str(), F_OK) == 0) TRY(BindRestricted(path, path, kReadOnly | MOUNT_ATTR_NOEXEC));
  }
  return {};
}

Result<void> MountScratch() {
  for (const char* path : {"/tmp", "/var/tmp", "/dev/shm"}) {
    TRY(MakeDirectories(kContainerRoot, path));
    TRY(MountMemory(In(path), kPlain, kScratchOptions));
  }
  return {};
}

/// True for what is there anyway, with the rest of the host's programs.
bool IsInLibraries(const std::string& path) {
  const auto below = [&path](const std::string& folder) {
    return path == folder || path.starts_with(folder + "/");
  };
  bool found = below("/usr");
  for (const char* const* folder = LibraryFolders(); *folder != nullptr; ++folder) {
    found = found || below(std::string("/") + *folder);
  }
  return found;
}

Result<void> MountEngine(const RootPlan& plan) {
  const std::string place = std::string(kRunDirectory) + "/engine";
  TRY(AttachTree(plan.engine_tree, place));
  TRY(BindRestricted(kRunDirectory, In(kRunDirectory), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
  if (IsInLibraries(plan.engine_root)) return {};
  TRY(MakeDirectories(kContainerRoot, plan.engine_root));
  return BindRestricted(place, In(plan.engine_root), kReadOnly);
}

}  // namespace

Result<void> EnterContainerRoot(const RootPlan& plan) {
  TRY(MountMemory(kContainerRoot, kPlain | MS_NOEXEC, kRootOptions));
  for (const char* path : {"/etc", "/dev", kRunDirectory}) TRY(MakeDirectories(kContainerRoot, path));
  TRY(BindLibraries());
  const std::string parts = kPartsDirectory;
  TRY(BindRestricted(parts + "/etc", In("/etc"), kReadOnly | MOUNT_ATTR_NOEXEC));
  TRY(BindRestricted(parts + "/dev", In("/dev"), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
  TRY(MountProc());
  TRY(MountScratch());
  TRY(MountEngine(plan));
  for (const std::string& path : plan.mount_points) {
    if (!IsInLibraries(path)) TRY(MakeDirectories(kContainerRoot, path));
  }
  TRY(PivotInto(kContainerRoot));
  constexpr unsigned long kFlags = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (::mount(nullptr, "/", nullptr, kFlags, nullptr) != 0) {
    return FailErrno(errno, "cannot make the container's root read-only");
  }
  return {};
}

}  // namespace spawnd::daemon
