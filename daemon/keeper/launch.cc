#include "daemon/keeper/launch.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>

#include "daemon/keeper/launcher.h"
#include "daemon/keeper/protocol.h"

namespace spawnd::daemon {
namespace {

std::mutex launcher_mutex;
std::optional<KeeperLauncher> launcher;

Result<UniqueFd> BindControlSocket(const std::string& directory) {
  const std::string path = directory + "/" + kControlSocketName;
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return FailErrno(errno, "cannot remove '" + path + "'");
  ::unlink((directory + "/" + kLastWordsName).c_str());
  TRY_ASSIGN(const ControlAddress address, ControlSocketAddress(directory));
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!fd.Valid()) return FailErrno(errno, "cannot make a socket");
  if (::bind(fd.Get(), reinterpret_cast<const sockaddr*>(&address.address), sizeof address.address) != 0) {
    return FailErrno(errno, "cannot bind '" + path + "'");
  }
  if (::chmod(path.c_str(), 0600) != 0) return FailErrno(errno, "cannot set the mode of '" + path + "'");
  return fd;
}

/// Starts the launcher when there is none yet, and once more when it has ended (killed by hand, out of
/// memory).
Result<pid_t> ForkKeeper(int64_t id, int control_fd, int connection_fd) {
  const std::scoped_lock lock(launcher_mutex);
  if (launcher) {
    auto pid = launcher->Fork(id, control_fd, connection_fd);
    if (pid || pid.error().code != ErrorCode::kUnavailable) return pid;
    launcher.reset();
  }
  TRY_ASSIGN(launcher, KeeperLauncher::Start());
  return launcher->Fork(id, control_fd, connection_fd);
}

}  // namespace

Result<ControlAddress> ControlSocketAddress(const std::string& directory) {
  ControlAddress result;
  result.folder.Reset(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!result.folder.Valid()) return FailErrno(errno, "cannot open '" + directory + "'");
  const std::string path = "/proc/self/fd/" + std::to_string(result.folder.Get()) + "/" + kControlSocketName;
  result.address.sun_family = AF_UNIX;
  std::memcpy(result.address.sun_path, path.c_str(), path.size() + 1);
  return result;
}

Result<LaunchedKeeper> LaunchKeeper(const std::string& directory, int64_t id) {
  TRY_ASSIGN(const UniqueFd control, BindControlSocket(directory));
  std::array<int, 2> sockets{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) != 0) {
    return FailErrno(errno, "cannot make a socket pair");
  }
  LaunchedKeeper launched;
  launched.connection.Reset(sockets[0]);
  const UniqueFd theirs(sockets[1]);
  TRY_ASSIGN(launched.pid, ForkKeeper(id, control.Get(), theirs.Get()));
  return launched;
}

Result<void> WarmUpLaunches() {
  const std::scoped_lock lock(launcher_mutex);
  if (launcher) return {};
  TRY_ASSIGN(launcher, KeeperLauncher::Start());
  return {};
}

}  // namespace spawnd::daemon
