#include "daemon/init/private_mounts.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"

namespace spawnd::daemon {
namespace {

/// Certificates and settings are a few KiB; a bound keeps an engine from filling memory through its socket
/// folder.
constexpr const char* kMemoryOptions = "mode=0755,size=4m,nr_inodes=256";

Result<void> MakeDirectory(const std::string& path, mode_t mode, uid_t uid, gid_t gid) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    return FailErrno(errno, "cannot make '" + path + "'");
  if (::chmod(path.c_str(), mode) != 0) return FailErrno(errno, "cannot set the mode of '" + path + "'");
  if (::chown(path.c_str(), uid, gid) != 0) return FailErrno(errno, "cannot set the owner of '" + path + "'");
  return {};
}

Result<void> BindReadOnly(const std::string& from, const std::string& to) {
  if (::mount(from.c_str(), to.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
    return FailErrno(errno, "cannot bind '" + from + "' to '" + to + "'");
  }
  // A bind ignores its other flags; they take effect with a second, remounting call.
  if (::mount(nullptr, to.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID, nullptr) != 0) {
    return FailErrno(errno, "cannot make '" + to + "' read-only");
  }
  return {};
}

}  // namespace

engines::Paths ContainerPaths() {
  const std::string run = kRunDirectory;
  engines::Paths paths;
  paths.engine_root = run + "/engine";
  paths.data_directory = run + "/volume/data";
  paths.socket_directory = run + "/socket";
  paths.tls_certificate = run + "/tls/server.crt";
  paths.tls_key = run + "/tls/server.key";
  paths.settings_directory = run + "/settings";
  return paths;
}

Result<void> EnterPrivateMounts(const std::string& engine_root, uid_t engine_uid, gid_t engine_gid) {
  // The mount point must be there on the host, where it is also the folder of the daemon's default socket.
  if (::mkdir(kRunDirectory, 0755) != 0 && errno != EEXIST) {
    return FailErrno(errno, std::string("cannot make '") + kRunDirectory + "'");
  }
  if (::unshare(CLONE_NEWNS) != 0) return FailErrno(errno, "cannot leave the host's mount namespace");
  // Without this, every mount below would appear on the host, where / is shared under systemd.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return FailErrno(errno, "cannot make mounts private");
  }
  // Before the memory file system hides what may be below /run/spawnd.
  const UniqueFd root(::open(engine_root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.Valid()) return FailErrno(errno, "cannot open the engine's folder '" + engine_root + "'");
  if (::mount("spawnd", kRunDirectory, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, kMemoryOptions) != 0) {
    return FailErrno(errno, std::string("cannot mount memory at '") + kRunDirectory + "'");
  }
  const engines::Paths paths = ContainerPaths();
  TRY(MakeDirectory(kFuseDirectory, 0700, 0, 0));
  TRY(MakeDirectory(kVolumeDirectory, 0755, 0, 0));
  TRY(MakeDirectory(paths.engine_root, 0755, 0, 0));
  TRY(MakeDirectory(paths.socket_directory, 0700, engine_uid, engine_gid));
  TRY(MakeDirectory(paths.settings_directory, 0700, engine_uid, engine_gid));
  TRY(MakeDirectory(std::string(kRunDirectory) + "/tls", 0700, engine_uid, engine_gid));
  return BindReadOnly("/proc/self/fd/" + std::to_string(root.Get()), paths.engine_root);
}

Result<void> BindInPlace(const std::string& from, const std::string& to) {
  if (::access(to.c_str(), F_OK) != 0) {
    const std::string above = to.substr(0, to.rfind('/'));
    if (::mount("spawnd", above.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, kMemoryOptions) != 0) {
      return FailErrno(errno, "cannot mount memory at '" + above + "'");
    }
    TRY(MakeDirectory(to, 0755, 0, 0));
  }
  if (::mount(from.c_str(), to.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
    return FailErrno(errno, "cannot bind '" + from + "' to '" + to + "'");
  }
  return {};
}

Result<void> WriteEngineFile(const std::string& path, const std::string& content, uid_t engine_uid,
                             gid_t engine_gid) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.Valid()) return FailErrno(errno, "cannot make '" + path + "'");
  if (::write(fd.Get(), content.data(), content.size()) != static_cast<ssize_t>(content.size())) {
    return FailErrno(errno, "cannot write '" + path + "'");
  }
  if (::fchown(fd.Get(), engine_uid, engine_gid) != 0)
    return FailErrno(errno, "cannot set the owner of '" + path + "'");
  return {};
}

}  // namespace spawnd::daemon
