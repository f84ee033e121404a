#include "daemon/keeper/launcher.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>

#include "daemon/keeper/client.h"
#include "daemon/keeper/protocol.h"

namespace spawnd::daemon {
namespace {

/// In the launcher's argument list, room for the arguments that a keeper shows in ps: "keeper", "<id>".
constexpr const char* kArgumentRoom = "................................";

/// What goes over the socket: an id with two descriptors one way, a pid or a negative errno back.
struct Request {
  int64_t id = 0;
};
struct Answer {
  int32_t pid_or_errno = 0;
};

union DescriptorPair {
  cmsghdr header;
  std::array<char, CMSG_SPACE(2 * sizeof(int))> bytes;
};

bool SendWithDescriptors(int socket, Request request, std::array<int, 2> fds) {
  DescriptorPair control{};
  iovec data{&request, sizeof request};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fds);
  std::memcpy(CMSG_DATA(header), fds.data(), sizeof fds);
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof request);
}

/// False when the daemon is gone.
bool ReceiveWithDescriptors(int socket, Request& request, UniqueFd& first, UniqueFd& second) {
  DescriptorPair control{};
  iovec data{&request, sizeof request};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  ssize_t received = 0;
  do {
    received = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  std::array<int, 2> fds{};
  if (received != static_cast<ssize_t>(sizeof request) || header == nullptr ||
      header->cmsg_len != CMSG_LEN(sizeof fds)) {
    return false;
  }
  std::memcpy(fds.data(), CMSG_DATA(header), sizeof fds);
  first.Reset(fds[0]);
  second.Reset(fds[1]);
  return true;
}

/// ps shows the memory in which the kernel put the arguments; a forked keeper writes its own there.
void ShowAsKeeper(int argc, char** argv, const std::string& id) {
  char* const begin = argv[1];
  const size_t room = static_cast<size_t>(argv[argc - 1] + std::strlen(argv[argc - 1]) - begin);
  const std::string arguments = std::string("keeper") + '\0' + id;
  std::memset(begin, 0, room);
  std::copy_n(arguments.begin(), std::min(arguments.size(), room), begin);
}

/// In the child: from here on it is as if it had been started as `spawnd keeper <id>`.
int BecomeKeeper(int argc, char** argv, int64_t id, UniqueFd control, UniqueFd connection) {
  // A session of its own: ctrl-C in the daemon's terminal must not reach containers.
  ::setsid();
  ::signal(SIGCHLD, SIG_DFL);  // a keeper waits for its process 1
  // First above 4, so that neither target is overwritten while it is still a source.
  const int high_control = ::fcntl(control.Get(), F_DUPFD_CLOEXEC, 10);
  const int high_connection = ::fcntl(connection.Get(), F_DUPFD_CLOEXEC, 10);
  control.Reset();
  connection.Reset();
  if (::dup2(high_control, kControlSocketFd) < 0 || ::dup2(high_connection, kFirstConnectionFd) < 0) return 1;
  ::close(high_control);
  ::close(high_connection);
  std::string number = std::to_string(id);
  ShowAsKeeper(argc, argv, number);
  std::array<char*, 4> arguments{const_cast<char*>("spawnd"), const_cast<char*>("keeper"), number.data(),
                                 nullptr};
  return KeeperMain(3, arguments.data());
}

/// What every keeper would otherwise do for itself, once, on the path of a create: OpenSSL loads its
/// providers on first use, which preparing a password is.
void WarmUp() {
  std::array<unsigned char, 32> key{};
  PKCS5_PBKDF2_HMAC("", 0, key.data(), static_cast<int>(key.size()), 1, EVP_sha256(),
                    static_cast<int>(key.size()), key.data());
}

}  // namespace

Result<KeeperLauncher> KeeperLauncher::Start() {
  std::array<int, 2> sockets{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) != 0) {
    return FailErrno(errno, "cannot make a socket pair");
  }
  UniqueFd ours(sockets[0]);
  const UniqueFd theirs(sockets[1]);
  // dup2 to the same number would leave close-on-exec set.
  const UniqueFd high(::fcntl(theirs.Get(), F_DUPFD_CLOEXEC, 10));
  if (!high.Valid()) return FailErrno(errno, "cannot copy a descriptor");
  std::array<char*, 4> argv{const_cast<char*>("spawnd"), const_cast<char*>("keeper-launcher"),
                            const_cast<char*>(kArgumentRoom), nullptr};
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
  return KeeperLauncher(std::move(ours));
}

Result<pid_t> KeeperLauncher::Fork(int64_t id, int control_fd, int connection_fd) {
  Answer answer;
  if (!SendWithDescriptors(socket_.Get(), {id}, {control_fd, connection_fd}) ||
      ::recv(socket_.Get(), &answer, sizeof answer, 0) != static_cast<ssize_t>(sizeof answer)) {
    return Fail(ErrorCode::kUnavailable, "the keeper launcher is gone");
  }
  if (answer.pid_or_errno < 0) return FailErrno(-answer.pid_or_errno, "cannot start a keeper");
  return static_cast<pid_t>(answer.pid_or_errno);
}

int KeeperLauncherMain(int argc, char** argv) {
  if (argc != 3 || std::strcmp(argv[2], kArgumentRoom) != 0) {
    std::fputs("error: 'spawnd keeper-launcher' is started by the daemon, not by hand\n", stderr);
    return 64;
  }
  // Keepers that end are collected by the kernel.
  ::signal(SIGCHLD, SIG_IGN);
  WarmUp();
  while (true) {
    Request request;
    UniqueFd control;
    UniqueFd connection;
    // The end of the daemon: keepers live on, the launcher has nothing left to do.
    if (!ReceiveWithDescriptors(kLauncherSocketFd, request, control, connection)) return 0;
    const pid_t pid = ::fork();
    if (pid == 0) {
      // Before anything else: this end open in a keeper would hide the launcher's end from the daemon.
      ::close(kLauncherSocketFd);
      return BecomeKeeper(argc, argv, request.id, std::move(control), std::move(connection));
    }
    const Answer answer{pid > 0 ? pid : -errno};
    if (::send(kLauncherSocketFd, &answer, sizeof answer, MSG_NOSIGNAL) < 0) return 0;
  }
}

}  // namespace spawnd::daemon
