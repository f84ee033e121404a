#include "daemon/http/listen_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/accounts.h"
#include "base/file.h"

namespace spawnd::daemon {
namespace {

constexpr int kBacklog = 128;
/// Of the names under which the service has descriptors kept.
constexpr std::string_view kKeptPrefix = "door-";

Result<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Fail(ErrorCode::kInvalidArgument, "cannot listen on '" + path + "': the path must have 1 to " +
                                                 std::to_string(sizeof address.sun_path - 1) + " bytes");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Result<UniqueFd> NewSocket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.Valid()) return FailErrno(errno, "cannot make a socket");
  return fd;
}

/// Sets the mode of the folders that it makes. A folder that is there already keeps its own.
Result<void> MakeFolders(const std::string& path) {
  if (path == "/" || path == "." || ::access(path.c_str(), F_OK) == 0) return {};
  TRY(MakeFolders(DirectoryOf(path)));
  if (::mkdir(path.c_str(), 0755) != 0) {
    if (errno == EEXIST) return {};
    return FailErrno(errno, "cannot make directory '" + path + "'");
  }
  if (::chmod(path.c_str(), 0755) != 0) return FailErrno(errno, "cannot open up directory '" + path + "'");
  return {};
}

/// Removes a socket file that nobody answers on.
Result<void> RemoveStale(const std::string& path, const sockaddr_un& address) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) {
    if (errno == ENOENT) return {};
    return FailErrno(errno, "cannot look for '" + path + "'");
  }
  if (!S_ISSOCK(st.st_mode)) {
    return Fail(ErrorCode::kInUse, "cannot listen on '" + path + "': something that is no socket is there");
  }
  TRY_ASSIGN(const UniqueFd probe, NewSocket());
  const int code = ::connect(probe.Get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (code == 0 || errno == EAGAIN) {
    return Fail(ErrorCode::kInUse, "cannot listen on '" + path + "': another process answers there",
                "Stop it, or give another --socket.");
  }
  if (errno != ECONNREFUSED) return FailErrno(errno, "cannot tell whether '" + path + "' is in use");
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return FailErrno(errno, "cannot remove '" + path + "'");
  return {};
}

Result<void> GiveToGroup(const std::string& path) {
  TRY_ASSIGN(const auto group, GroupNamed(kSocketGroup));
  if (!group) return {};  // no such group here: then only root (and who started the daemon) may connect
  if (::lchown(path.c_str(), static_cast<uid_t>(-1), *group) != 0) {
    return FailErrno(errno, "cannot give '" + path + "' to group " + kSocketGroup);
  }
  return {};
}

/// What systemd passed, by its names.
Result<std::multimap<std::string, UniqueFd>> FromSystemd() {
  char** names = nullptr;
  const int count = ::sd_listen_fds_with_names(1, &names);
  if (count < 0) return FailErrno(-count, "cannot take the socket from systemd");
  std::multimap<std::string, UniqueFd> descriptors;
  for (int i = 0; i < count; ++i) {
    descriptors.emplace(names != nullptr ? names[i] : "", UniqueFd(SD_LISTEN_FDS_START + i));
    if (names != nullptr) std::free(names[i]);
  }
  std::free(names);
  return descriptors;
}

bool IsListening(const UniqueFd& fd) {
  return ::sd_is_socket_unix(fd.Get(), SOCK_STREAM, 1, nullptr, 0) > 0;
}

/// The socket among them; not valid: there is nothing at all for it.
Result<UniqueFd> TakeSocket(std::multimap<std::string, UniqueFd>& descriptors) {
  const auto is_ours = [](const auto& one) { return IsListening(one.second); };
  const auto found = std::find_if(descriptors.begin(), descriptors.end(), is_ours);
  const auto all = std::count_if(descriptors.begin(), descriptors.end(), is_ours);
  // What the service has given away itself may come alone: it was started by hand.
  const bool nothing = std::all_of(descriptors.begin(), descriptors.end(),
                                   [](const auto& one) { return one.first.starts_with(kKeptPrefix); });
  if (nothing) return UniqueFd();
  if (all != 1) {
    return Fail(ErrorCode::kInvalidArgument, "systemd must pass exactly one listening Unix stream socket",
                "Look at ListenStream= in spawnd.socket.");
  }
  UniqueFd socket = std::move(found->second);
  descriptors.erase(found);
  return socket;
}

/// Reads owner, group and mode of the file that a socket is bound to. A socket without a file (systemd may
/// pass an abstract name) is open to everybody.
Result<SocketAccess> AccessOf(int socket_fd) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket_fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return FailErrno(errno, "cannot tell where the socket is");
  }
  if (size <= offsetof(sockaddr_un, sun_path) || address.sun_path[0] == '\0') return SocketAccess{0, 0, 0666};
  const std::string path(address.sun_path, ::strnlen(address.sun_path, sizeof address.sun_path));
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return FailErrno(errno, "cannot tell who may use '" + path + "'");
  return SocketAccess{st.st_uid, st.st_gid, st.st_mode & 07777};
}

}  // namespace

bool MayConnect(const SocketAccess& access, const Identity& who) {
  if (who.uid == 0) return true;
  // Writing is what connect asks for; the first class that fits decides, as for any file.
  if (who.uid == access.owner) return (access.mode & S_IWUSR) != 0;
  const bool in_group = who.gid == access.group ||
                        std::find(who.groups.begin(), who.groups.end(), access.group) != who.groups.end();
  return (access.mode & (in_group ? S_IWGRP : S_IWOTH)) != 0;
}

Result<ListenSocket> OpenListenSocket(const std::string& path) {
  TRY_ASSIGN(auto kept, FromSystemd());
  TRY_ASSIGN(UniqueFd passed, TakeSocket(kept));
  if (passed.Valid()) {
    TRY_ASSIGN(const SocketAccess access, AccessOf(passed.Get()));
    return ListenSocket{std::move(passed), true, access, std::move(kept)};
  }

  TRY_ASSIGN(const sockaddr_un address, AddressOf(path));
  TRY(MakeFolders(DirectoryOf(path)));
  TRY(RemoveStale(path, address));
  TRY_ASSIGN(UniqueFd fd, NewSocket());
  // bind gives the file the socket's own mode, so that it is never open to others, not even for a moment.
  if (::fchmod(fd.Get(), 0660) != 0) return FailErrno(errno, "cannot set the mode of a socket");
  const mode_t mask = ::umask(0);
  const int bound = ::bind(fd.Get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int bind_errno = errno;
  ::umask(mask);
  if (bound != 0) return FailErrno(bind_errno, "cannot listen on '" + path + "'");
  TRY(GiveToGroup(path));
  if (::listen(fd.Get(), kBacklog) != 0) return FailErrno(errno, "cannot listen on '" + path + "'");
  TRY_ASSIGN(const SocketAccess access, AccessOf(fd.Get()));
  return ListenSocket{std::move(fd), false, access, std::move(kept)};
}

}  // namespace spawnd::daemon
