#include "daemon/init/outer_root.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "daemon/init/mounts.h"
#include "daemon/init/private_mounts.h"

namespace spawnd::daemon {
namespace {

/// Where the outer root is put together: a folder that every machine has and no state directory lies in.
constexpr const char* kStaging = "/sys";
constexpr const char* kMemoryOptions = "mode=0755,size=16m,nr_inodes=4096";

constexpr std::array<const char*, 7> kLibraryFolders{"bin",    "sbin",  "lib",  "lib32",
                                                     "libx32", "lib64", nullptr};

/// Copied where the host has them. None of them says anything that a program in a container must not read.
constexpr std::array<const char*, 8> kEtcFiles{"ld.so.cache", "localtime", "timezone",     "os-release",
                                               "services",    "protocols", "locale.alias", "ssl/openssl.cnf"};
/// Bound, so that what a package changes there is seen at once.
constexpr std::array<const char*, 4> kEtcFolders{"alternatives", "ssl/certs", "pki/tls/certs",
                                                 "pki/ca-trust/extracted"};

constexpr std::array<std::pair<const char*, unsigned>, 5> kDevices{
    {{"null", 3}, {"zero", 5}, {"full", 7}, {"random", 8}, {"urandom", 9}}};
constexpr unsigned kMemoryDevices = 1;  // the major number of all five
constexpr std::array<std::pair<const char*, const char*>, 4> kDeviceLinks{{{"fd", "/proc/self/fd"},
                                                                           {"stdin", "/proc/self/fd/0"},
                                                                           {"stdout", "/proc/self/fd/1"},
                                                                           {"stderr", "/proc/self/fd/2"}}};

struct Bound {
  std::string path;
  UniqueFd tree;
};

bool IsFolder(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

/// Taken before anything is mounted, because the staging place hides what is below it.
Result<std::vector<Bound>> TakeTrees(const std::string& state_directory) {
  constexpr uint64_t kReadOnly = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  struct Wanted {
    std::string path;
    uint64_t attributes;
    bool recursive;
  };
  // Memory of the host (/dev/shm) is a mount of its own.
  std::vector<Wanted> wanted{{"/dev", MOUNT_ATTR_NOSUID, state_directory.starts_with("/dev/")},
                             {"/proc", MOUNT_ATTR_NOSUID, true},
                             {"/sys", MOUNT_ATTR_NOSUID, false},
                             {"/etc", kReadOnly, false},
                             {"/usr", kReadOnly, true}};
  for (const char* const* folder = LibraryFolders(); *folder != nullptr; ++folder) {
    if (IsFolder(std::string("/") + *folder)) wanted.push_back({std::string("/") + *folder, kReadOnly, true});
  }
  // Last: it may lie in one of the others. A disk of its own for a part of it is mounted below it.
  wanted.push_back({state_directory, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, true});
  std::vector<Bound> trees;
  for (const Wanted& one : wanted) {
    TRY_ASSIGN(UniqueFd tree, CloneTree(one.path, one.recursive));
    TRY(RestrictTree(tree.Get(), one.attributes));
    trees.push_back({one.path, std::move(tree)});
  }
  return trees;
}

Result<void> LinkLibraryFolders(const std::string& root) {
  for (const char* const* folder = LibraryFolders(); *folder != nullptr; ++folder) {
    std::array<char, 256> target{};
    if (::readlink((std::string("/") + *folder).c_str(), target.data(), target.size() - 1) <= 0) continue;
    if (::symlink(target.data(), (root + "/" + *folder).c_str()) != 0 && errno != EEXIST) {
      return FailErrno(errno, "cannot make '" + root + "/" + *folder + "'");
    }
  }
  return {};
}

Result<void> MakeDevices() {
  const std::string folder = std::string(kPartsDirectory) + "/dev";
  TRY(MakeDirectories("", folder + "/shm"));
  for (const auto& [name, minor] : kDevices) {
    const std::string path = folder + "/" + name;
    if (::mknod(path.c_str(), S_IFCHR | 0666, makedev(kMemoryDevices, minor)) != 0 ||
        ::chmod(path.c_str(), 0666) != 0) {
      return FailErrno(errno, "cannot make the device '" + path + "'");
    }
  }
  for (const auto& [name, target] : kDeviceLinks) {
    if (::symlink(target, (folder + "/" + name).c_str()) != 0) {
      return FailErrno(errno, "cannot make '" + folder + "/" + name + "'");
    }
  }
  return {};
}

Result<void> MakeEtc() {
  const std::string folder = std::string(kPartsDirectory) + "/etc";
  TRY(MakeDirectories("", folder + "/ssl"));
  TRY(WriteWorldReadable(folder + "/hosts", "127.0.0.1 localhost\n::1 localhost\n"));
  TRY(WriteWorldReadable(folder + "/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"));
  // What differs from container to container lies with its settings.
  for (const char* name : {"passwd", "group", "resolv.conf"}) {
    if (::symlink((std::string("../run/spawnd/etc/") + name).c_str(), (folder + "/" + name).c_str()) != 0) {
      return FailErrno(errno, "cannot make '" + folder + "/" + name + "'");
    }
  }
  for (const char* name : kEtcFolders) {
    if (!IsFolder(std::string("/etc/") + name)) continue;
    TRY(MakeDirectories("", folder + "/" + name));
    TRY(BindRestricted(std::string("/etc/") + name, folder + "/" + name, MOUNT_ATTR_RDONLY));
  }
  return RefreshParts();
}

/// What a file of the host's was when it was copied.
struct Seen {
  ino_t inode = 0;
  int64_t seconds = 0;
  long nanoseconds = 0;
  bool operator==(const Seen&) const = default;
};

Result<void> CopyFile(const std::string& from, const std::string& to) {
  std::array<char, 256> target{};
  const std::string fresh = to + ".new";
  if (::readlink(from.c_str(), target.data(), target.size() - 1) > 0) {
    const std::string_view link(target.data());
    // A link into /usr says more than a copy: the name of the time zone is in it.
    if (link.starts_with("/usr/") || link.starts_with("../usr/")) {
      if (::symlink(target.data(), fresh.c_str()) != 0) return FailErrno(errno, "cannot make '" + to + "'");
      if (::rename(fresh.c_str(), to.c_str()) != 0) return FailErrno(errno, "cannot make '" + to + "'");
      return {};
    }
  }
  if (::access(from.c_str(), R_OK) != 0) return {};
  TRY(WriteWorldReadable(fresh, TextOfFile(from)));
  if (::rename(fresh.c_str(), to.c_str()) != 0) return FailErrno(errno, "cannot make '" + to + "'");
  return {};
}

}  // namespace

const char* const* LibraryFolders() {
  return kLibraryFolders.data();
}

Result<void> RefreshParts() {
  static std::array<Seen, kEtcFiles.size()> seen{};
  for (size_t i = 0; i < kEtcFiles.size(); ++i) {
    const std::string from = std::string("/etc/") + kEtcFiles.at(i);
    struct stat st {};
    if (::lstat(from.c_str(), &st) != 0) continue;
    const Seen now{st.st_ino, st.st_mtim.tv_sec, st.st_mtim.tv_nsec};
    if (now == seen.at(i)) continue;
    TRY(CopyFile(from, std::string(kPartsDirectory) + "/etc/" + kEtcFiles.at(i)));
    seen.at(i) = now;
  }
  return {};
}

Result<void> EnterOuterRoot(const std::string& state_directory) {
  for (const char* taken : {kRunDirectory, kLauncherDirectory}) {
    if (!(state_directory + "/").starts_with(std::string(taken) + "/")) continue;
    return Fail(ErrorCode::kInvalidArgument,
                "the state directory cannot be in '" + std::string(taken) + "', which containers replace");
  }
  if (::unshare(CLONE_NEWNS) != 0) return FailErrno(errno, "cannot leave the host's mount namespace");
  // Without this, every mount below would appear on the host, where / is shared under systemd.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return FailErrno(errno, "cannot make mounts private");
  }
  TRY_ASSIGN(const std::vector<Bound> trees, TakeTrees(state_directory));
  const std::string staging = kStaging;
  TRY(MountMemory(staging, MS_NOSUID, kMemoryOptions));
  TRY(LinkLibraryFolders(staging));
  for (const Bound& one : trees) {
    if (::access((staging + one.path).c_str(), F_OK) != 0) TRY(MakeDirectories(staging, one.path));
    TRY(AttachTree(one.tree.Get(), staging + one.path));
  }
  TRY(PivotInto(staging));
  for (const char* folder : {kRunDirectory, kFuseDirectory, kContainerRoot}) TRY(MakeDirectories("", folder));
  TRY(MakeDevices());
  return MakeEtc();
}

}  // namespace spawnd::daemon
