#include "daemon/keeper/keeper_launch.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>

#include "daemon/keeper/keeper_protocol.h"

namespace spawnd::daemon {
namespace {

std::mutex children_mutex;
std::set<pid_t> children;

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

/// posix_spawn shares memory with the parent until exec: the daemon's size does not matter, as it would with
/// fork.
Result<pid_t> SpawnKeeper(int control_fd, int connection_fd, int64_t id) {
  std::string number = std::to_string(id);
  std::array<char*, 4> argv{const_cast<char*>("spawnd"), const_cast<char*>("keeper"), number.data(), nullptr};
  std::array<char*, 3> env{const_cast<char*>("PATH=/usr/sbin:/usr/bin:/sbin:/bin"),
                           const_cast<char*>("LC_ALL=C.UTF-8"), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  // Standard error stays the daemon's: a message of the dynamic linker should reach the log.
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, control_fd, kControlSocketFd);
  ::posix_spawn_file_actions_adddup2(&actions, connection_fd, kFirstConnectionFd);
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  // A session of its own: ctrl-C in the daemon's terminal must not reach containers.
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  const int err = ::posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, argv.data(), env.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (err != 0) return FailErrno(err, "cannot start a keeper");
  return pid;
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
  UniqueFd theirs(sockets[1]);
  // dup2 to the same number would leave close-on-exec set, and 3 could overwrite what 4 is to be made from.
  UniqueFd control_high(::fcntl(control.Get(), F_DUPFD_CLOEXEC, 10));
  UniqueFd theirs_high(::fcntl(theirs.Get(), F_DUPFD_CLOEXEC, 10));
  if (!control_high.Valid() || !theirs_high.Valid()) return FailErrno(errno, "cannot copy a descriptor");
  const std::scoped_lock lock(children_mutex);
  TRY_ASSIGN(launched.pid, SpawnKeeper(control_high.Get(), theirs_high.Get(), id));
  children.insert(launched.pid);
  return launched;
}

void ReapKeepers() {
  const std::scoped_lock lock(children_mutex);
  for (auto child = children.begin(); child != children.end();) {
    child = ::waitpid(*child, nullptr, WNOHANG) == 0 ? std::next(child) : children.erase(child);
  }
}

}  // namespace spawnd::daemon
