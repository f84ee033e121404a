#include "daemon/keeper/launcher.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <utility>

#include "base/descriptors.h"
#include "base/message.h"
#include "daemon/init/mounts.h"
#include "daemon/keeper/control_socket.h"
#include "daemon/keeper/launcher_process.h"

namespace spawnd::daemon {
namespace {

Result<UniqueFd> StartProcess(const std::function<void(pid_t)>& begun) {
  TRY_ASSIGN(auto sockets, MakeSocketPair(SOCK_SEQPACKET));
  auto& [ours, theirs] = sockets;
  // dup2 to the same number would leave close-on-exec set.
  const UniqueFd high(::fcntl(theirs.Get(), F_DUPFD_CLOEXEC, 10));
  if (!high.Valid()) return FailErrno(errno, "cannot copy a descriptor");
  std::array<char*, 4> argv{const_cast<char*>("spawnd"), const_cast<char*>("keeper-launcher"),
                            const_cast<char*>(kKeeperArgumentRoom), nullptr};
  std::array<char*, 3> env{const_cast<char*>("PATH=/usr/sbin:/usr/bin:/sbin:/bin"),
                           const_cast<char*>("LC_ALL=C.UTF-8"), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  // Standard error stays the daemon's: a message of the dynamic linker should reach the log.
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, high.Get(), kLauncherSocketFd);
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  const int err = ::posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, argv.data(), env.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (err != 0) return FailErrno(err, "cannot start the keeper launcher");
  if (begun) begun(pid);
  return std::move(ours);
}

/// Returns the daemon's end of the socket pair with a new launcher process, which has its root.
Result<UniqueFd> StartLauncher(const std::string& state_directory, const std::function<void(pid_t)>& begun) {
  TRY_ASSIGN(UniqueFd socket, StartProcess(begun));
  TRY(SendMessage(socket.Get(), state_directory));
  const auto answer = ReceiveMessage(socket.Get());
  if (!answer) return Fail(ErrorCode::kUnavailable, "the keeper launcher ended as soon as it was started");
  if (!answer->text.empty())
    return Fail(ErrorCode::kIo, "cannot build the root of containers: " + answer->text,
                "It takes root with all capabilities, and Linux 5.12 or later.");
  return socket;
}

}  // namespace

Result<std::unique_ptr<KeeperLauncher>> KeeperLauncher::Start(std::string state_directory,
                                                              std::function<void(pid_t)> begun) {
  auto launcher = std::make_unique<KeeperLauncher>(std::move(state_directory), std::move(begun));
  TRY_ASSIGN(launcher->socket_, StartLauncher(launcher->state_directory_, launcher->begun_));
  return launcher;
}

Result<ForkedKeeper> KeeperLauncher::ForkKeeper(const std::string& directory, int64_t id) {
  TRY_ASSIGN(const UniqueFd control, BindControlSocket(directory));
  TRY_ASSIGN(auto sockets, MakeSocketPair(SOCK_SEQPACKET));
  auto& [ours, theirs] = sockets;
  TRY_ASSIGN(ForkedKeeper forked, Ask(std::to_string(id), control.Get(), theirs.Get()));
  forked.connection = std::move(ours);
  return forked;
}

Result<ProcessOutput> KeeperLauncher::RunProgram(const SingleProgram& program) {
  TRY_ASSIGN(const UniqueFd engine_tree, CloneInstallation(program.installation));
  TRY_ASSIGN(auto sockets, MakeSocketPair(SOCK_SEQPACKET));
  auto& [ours, theirs] = sockets;
  TRY(Ask(kProgramRequest + EncodeProgram(program), engine_tree.Get(), theirs.Get())
          .map([](const ForkedKeeper&) {}));
  theirs.Reset();
  return AwaitSingleProgram(program, ours.Get());
}

/// A text with two descriptors one way; a pid with its pidfd, or a negative errno, back.
Result<ForkedKeeper> KeeperLauncher::Ask(const std::string& request, int first_fd, int second_fd) {
  const std::scoped_lock lock(mutex_);
  auto forked = AskOnce(request, first_fd, second_fd);
  if (!forked && forked.error().code == ErrorCode::kUnavailable) {
    TRY_ASSIGN(socket_, StartLauncher(state_directory_, begun_));
    forked = AskOnce(request, first_fd, second_fd);
  }
  return forked;
}

Result<ForkedKeeper> KeeperLauncher::AskOnce(const std::string& request, int first_fd, int second_fd) const {
  auto sent = SendMessage(socket_.Get(), request, {first_fd, second_fd});
  auto answer = sent ? ReceiveMessage(socket_.Get()) : Fail(std::move(sent.error()));
  if (!answer) return Fail(ErrorCode::kUnavailable, "the keeper launcher is gone");
  pid_t pid = 0;
  std::from_chars(answer->text.data(), answer->text.data() + answer->text.size(), pid);
  if (pid <= 0) return FailErrno(-pid, "cannot start a process for a container");
  if (answer->descriptors.size() != 1)
    return Fail(ErrorCode::kInternal, "the keeper launcher sends no pidfd");
  return ForkedKeeper{pid, std::move(answer->descriptors.front()), {}};
}

}  // namespace spawnd::daemon
