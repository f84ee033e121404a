#include "daemon/keeper/launcher_process.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "base/message.h"
#include "base/unique_fd.h"
#include "daemon/init/outer_root.h"
#include "daemon/init/single_program.h"
#include "daemon/init/system_calls.h"
#include "daemon/keeper/files.h"
#include "daemon/keeper/main.h"
#include "daemon/keeper/stop_signal.h"

namespace spawnd::daemon {
namespace {

/// ps shows the memory in which the kernel put the arguments; a forked keeper writes its own there.
void ShowAsKeeper(int argc, char** argv, const std::string& id) {
  char* const begin = argv[1];
  const size_t room = static_cast<size_t>(argv[argc - 1] + std::strlen(argv[argc - 1]) - begin);
  const std::string arguments = std::string("keeper") + '\0' + id;
  std::memset(begin, 0, room);
  std::copy_n(arguments.begin(), std::min(arguments.size(), room), begin);
}

void CollectKeepers(int) {
  const int before = errno;
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
  errno = before;
}

/// While it is held, the number of a keeper that has ended is nobody else's.
void HoldEndsOfKeepers(bool hold) {
  sigset_t ended;
  ::sigemptyset(&ended);
  ::sigaddset(&ended, SIGCHLD);
  ::sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &ended, nullptr);
}

/// Tells the daemon how the fork went. `pid`: 0 or less is an errno.
bool Answer(pid_t pid) {
  const UniqueFd process(pid > 0 ? static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)) : -1);
  // Without one nobody could end it: with the connection it ends by itself.
  if (pid > 0 && !process.Valid()) pid = -errno;
  const auto sent = process.Valid() ? SendMessage(kLauncherSocketFd, std::to_string(pid), {process.Get()})
                                    : SendMessage(kLauncherSocketFd, std::to_string(pid));
  return sent.has_value();
}

/// In the child: from here on it is as if it had been started as `spawnd keeper <id>`.
int BecomeKeeper(int argc, char** argv, Message request) {
  // A session of its own: ctrl-C in the daemon's terminal must not reach containers.
  ::setsid();
  ::signal(SIGCHLD, SIG_DFL);  // a keeper waits for its process 1
  ::signal(kScopeSignal, SIG_DFL);
  HoldEndsOfKeepers(false);
  // First above 4, so that neither target is overwritten while it is still a source.
  const int high_control = ::fcntl(request.descriptors[0].Get(), F_DUPFD_CLOEXEC, 10);
  const int high_connection = ::fcntl(request.descriptors[1].Get(), F_DUPFD_CLOEXEC, 10);
  request.descriptors.clear();
  if (::dup2(high_control, kControlSocketFd) < 0 || ::dup2(high_connection, kFirstConnectionFd) < 0) return 1;
  ::close(high_control);
  ::close(high_connection);
  std::string& number = request.text;
  ShowAsKeeper(argc, argv, number);
  std::array<char*, 4> arguments{const_cast<char*>("spawnd"), const_cast<char*>("keeper"), number.data(),
                                 nullptr};
  return KeeperMain(3, arguments.data());
}

/// What every keeper would otherwise do for itself, once, on the path of a create: OpenSSL loads its
/// providers on first use, which preparing a password is, and the filters of system calls are made.
Result<void> WarmUp() {
  std::array<unsigned char, 32> key{};
  PKCS5_PBKDF2_HMAC("", 0, key.data(), static_cast<int>(key.size()), 1, EVP_sha256(),
                    static_cast<int>(key.size()), key.data());
  for (const Asks asks : {Asks::kNothing, Asks::kBind, Asks::kConnect}) {
    TRY(EngineSystemCalls(asks).map([](const std::string&) {}));
  }
  return {};
}

pid_t StartProgram(Message request) {
  const auto program = DecodeProgram(std::string_view(request.text).substr(1));
  if (!program) return -EINVAL;
  return ForkSingleProgram(*program, std::move(request.descriptors[0]), std::move(request.descriptors[1]));
}

/// The daemon's first message is where its state directory is; the answer is empty, or what went wrong.
Result<void> SetUp() {
  TRY_ASSIGN(const Message hello, ReceiveMessage(kLauncherSocketFd));
  auto ready = EnterOuterRoot(hello.text);
  if (ready) ready = WarmUp();
  TRY(SendMessage(kLauncherSocketFd, ready ? "" : ready.error().message));
  return ready;
}

}  // namespace

int KeeperLauncherMain(int argc, char** argv) {
  if (argc != 3 || std::strcmp(argv[2], kKeeperArgumentRoom) != 0) {
    std::fputs("error: 'spawnd keeper-launcher' is started by the daemon, not by hand\n", stderr);
    return 64;
  }
  // Whatever else the daemon had open is no affair of keepers.
  ::close_range(kLauncherSocketFd + 1, ~0U, 0);
  // Not by the kernel: it would give a keeper's number away before there is a pidfd of it.
  struct sigaction collect {};
  collect.sa_handler = CollectKeepers;
  collect.sa_flags = SA_RESTART | SA_NOCLDSTOP;
  ::sigaction(SIGCHLD, &collect, nullptr);
  // It is in the scope as well, which ends when nothing is left in there.
  ::signal(kScopeSignal, [](int) { ::_exit(0); });
  // It asks the daemon for a reload, whoever else it is sent to. Keepers inherit that.
  ::signal(SIGHUP, SIG_IGN);
  if (!SetUp()) return 1;
  while (true) {
    auto request = ReceiveMessage(kLauncherSocketFd);
    // The end of the daemon: keepers live on, the launcher has nothing left to do.
    if (!request || request->descriptors.size() != 2 || request->text.empty()) return 0;
    // What could not be copied stays as it was: that is no reason to start nothing.
    static_cast<void>(RefreshParts().has_value());
    const bool is_program = request->text.front() == kProgramRequest;
    HoldEndsOfKeepers(true);
    pid_t pid = 0;
    if (is_program) {
      pid = StartProgram(std::move(*request));
    } else {
      pid = ::fork();
      if (pid == 0) {
        // Before anything else: this end open in a keeper would hide the launcher's end from the daemon.
        ::close(kLauncherSocketFd);
        return BecomeKeeper(argc, argv, std::move(*request));
      }
      if (pid < 0) pid = -errno;
    }
    if (!Answer(pid)) return 0;
    HoldEndsOfKeepers(false);
  }
}

}  // namespace spawnd::daemon
