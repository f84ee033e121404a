#include "daemon/init/enclosed_program.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/descriptors.h"
#include "daemon/init/program_order.h"

namespace spawnd::daemon {
namespace {

/// What a program has as uid 0 after its exec: nothing, or the one capability.
Result<void> LimitCapabilities(bool reads_any_file) {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (reads_any_file && capability == CAP_DAC_OVERRIDE) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) {
      return FailErrno(errno, "cannot drop a capability");
    }
  }
  if (reads_any_file) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
    if (::syscall(SYS_capget, &header, sets.data()) != 0) return FailErrno(errno, "cannot see capabilities");
    sets[0].inheritable |= 1U << CAP_DAC_OVERRIDE;
    if (::syscall(SYS_capset, &header, sets.data()) != 0 ||
        ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0) != 0) {
      return FailErrno(errno, "cannot keep a capability");
    }
  }
  if (::prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED) != 0) {
    return FailErrno(errno, "cannot take the rights of root away");
  }
  return {};
}

/// Process 1 of the program's namespace.
class Waiter {
 public:
  explicit Waiter(Enclosure& enclosure) : enclosure_(enclosure) {}

  [[noreturn]] void Run() {
    auto started = Start();
    ProgramEnd end;
    if (started) {
      end.exit_code = Wait();
    } else {
      end.failed = true;
      end.code = started.error().code;
      const std::string& text = started.error().message;
      std::memcpy(end.text.data(), text.data(), std::min(text.size(), end.text.size() - 1));
    }
    KillTheRest();
    // Nobody may listen any more.
    [[maybe_unused]] const ssize_t sent = ::send(enclosure_.leash.Get(), &end, sizeof end, MSG_NOSIGNAL);
    ::_exit(0);
  }

 private:
  Result<void> Start() {
    const SpawnOptions& options = enclosure_.options;
    std::vector<int> kept = enclosure_.kept;
    for (const int fd : {enclosure_.leash.Get(), options.stdin_fd, options.stdout_fd, options.stderr_fd,
                         options.fourth_fd, options.control_group_fd, options.filter_listener_socket}) {
      kept.push_back(fd);
    }
    CloseAllBut(std::move(kept));
    ::prctl(PR_SET_NAME, "spawnd-wait");
    sigset_t child_signal;
    ::sigemptyset(&child_signal);
    ::sigaddset(&child_signal, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &child_signal, nullptr);
    signals_.Reset(::signalfd(-1, &child_signal, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_.Valid()) return FailErrno(errno, "cannot wait for a program");
    if (enclosure_.prepare) TRY(enclosure_.prepare());
    TRY(LimitCapabilities(enclosure_.reads_any_file));
    TRY_ASSIGN(program_, Spawn(options));
    // The others of a pipe must hear when the program closes its end.
    CloseAllBut({enclosure_.leash.Get(), signals_.Get()});
    return {};
  }

  /// Until the program ends or the leash is let go. Returns the exit code.
  int Wait() {
    while (true) {
      std::array<pollfd, 2> fds{{{enclosure_.leash.Get(), POLLIN, 0}, {signals_.Get(), POLLIN, 0}}};
      if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return 128 + SIGKILL;
      if (fds[0].revents != 0) return 128 + SIGKILL;
      if (fds[1].revents == 0) continue;
      signalfd_siginfo info{};
      while (::read(signals_.Get(), &info, sizeof info) > 0) {
      }
      int status = 0;
      for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid == program_) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
    }
  }

  /// The kernel does the same at the end of this process, but nobody could wait for it.
  static void KillTheRest() {
    ::kill(-1, SIGKILL);
    while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
    }
  }

  Enclosure& enclosure_;
  UniqueFd signals_;
  pid_t program_ = -1;
};

}  // namespace

Result<pid_t> StartEnclosed(Enclosure enclosure) {
  const int mounts = enclosure.own_mounts ? CLONE_NEWNS : 0;
  // A raw call: glibc's clone wants a stack of its own.
  const long pid = ::syscall(SYS_clone, CLONE_NEWPID | mounts | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (pid < 0) return FailErrno(errno, "cannot make the namespaces of a program");
  if (pid == 0) Waiter(enclosure).Run();
  return static_cast<pid_t>(pid);
}

}  // namespace spawnd::daemon
