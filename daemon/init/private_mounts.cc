#include "daemon/init/private_mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"
#include "daemon/init/mounts.h"

namespace spawnd::daemon {
namespace {

/// Certificates and settings are a few KiB; a bound keeps an engine from filling memory through its socket
/// folder.
constexpr const char* kMemoryOptions = "mode=0755,size=4m,nr_inodes=256";

/// The engine's user has a name inside, because programs ask for it. What the host calls it, and who else is
/// there, is no affair of a container.
Result<void> WriteAccounts(uid_t uid, gid_t gid) {
  const std::string folder = kAccountsDirectory;
  const std::string user = std::to_string(uid);
  const std::string group = std::to_string(gid);
  TRY(MakeDirectory(folder, 0755, 0, 0));
  TRY(WriteWorldReadable(
      folder + "/passwd",
      "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n"
      "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n" +
          (uid == 0 ? "" : "spawnd:x:" + user + ":" + group + "::/nonexistent:/usr/sbin/nologin\n")));
  return WriteWorldReadable(folder + "/group",
                            "root:x:0:\nnogroup:x:65534:\n" + (gid == 0 ? "" : "spawnd:x:" + group + ":\n"));
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

Result<void> MakePrivatePlaces(uid_t engine_uid, gid_t engine_gid) {
  TRY(MountMemory(kRunDirectory, MS_NOSUID | MS_NODEV | MS_NOEXEC, kMemoryOptions));
  const engines::Paths paths = ContainerPaths();
  TRY(MakeDirectory(kVolumeDirectory, 0755, 0, 0));
  TRY(MakeDirectory(paths.engine_root, 0755, 0, 0));
  return GivePlacesTo(engine_uid, engine_gid);
}

Result<void> GivePlacesTo(uid_t engine_uid, gid_t engine_gid) {
  const engines::Paths paths = ContainerPaths();
  TRY(MakeDirectory(paths.socket_directory, 0700, engine_uid, engine_gid));
  TRY(MakeDirectory(paths.settings_directory, 0700, engine_uid, engine_gid));
  TRY(MakeDirectory(std::string(kRunDirectory) + "/tls", 0700, engine_uid, engine_gid));
  return WriteAccounts(engine_uid, engine_gid);
}

Result<void> WriteNameServers(const std::string& text) {
  return WriteWorldReadable(std::string(kRunDirectory) + "/etc/resolv.conf", text);
}

Result<void> BindInPlace(const std::string& from, const std::string& to) {
  if (::access(to.c_str(), F_OK) != 0) {
    const std::string above = to.substr(0, to.rfind('/'));
    TRY(MountMemory(above, MS_NOSUID | MS_NODEV | MS_NOEXEC, kMemoryOptions));
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
