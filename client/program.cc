#include "client/program.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/descriptors.h"

namespace spawnd::client {
namespace {

constexpr int kNotFoundCode = 127;  ///< as shells say it
constexpr int kNotRunnableCode = 126;

/// Only returns when it fails, with errno.
int Exec(const Program& program) {
  std::vector<char*> argv;
  for (const std::string& word : program.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  for (const auto& [name, value] : program.environment) {
    if (::setenv(name.c_str(), value.c_str(), 1) != 0) return errno;
  }
  ::signal(SIGPIPE, SIG_DFL);  // spawnctl's own way with pipes is not the program's
  ::execvp(argv.front(), argv.data());
  return errno;
}

Error NotStarted(const Program& program, int error) {
  return {
      ErrorCode::kIo, ErrnoError(error, fmt::format("cannot run '{}'", program.argv.front())).message, {}};
}

[[noreturn]] void RunChild(const Program& program, const sigset_t& mask, pid_t parent, int error_fd) {
  // The parent may have gone before this: then nobody would send it.
  if (::prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || ::getppid() != parent) ::_exit(kNotFoundCode);
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  const int error = Exec(program);
  [[maybe_unused]] const ssize_t written = ::write(error_fd, &error, sizeof error);
  ::_exit(error == ENOENT ? kNotFoundCode : kNotRunnableCode);
}

int ExitCodeOf(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// Waits for the child, passing signals on.
Result<int> Wait(pid_t pid, const SignalWatch& signals) {
  const UniqueFd child(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!child.Valid()) return FailErrno(errno, "cannot watch the command");
  while (true) {
    std::array<pollfd, 2> fds{{{child.Get(), POLLIN, 0}, {signals.Fd(), POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) {
      return FailErrno(errno, "cannot wait for the command");
    }
    if (fds[1].revents != 0) {
      const SignalWatch::Signal signal = signals.Next();
      // Before it is collected, its process id is nobody else's.
      if (signal.number != 0 && !signal.from_terminal) ::kill(pid, signal.number);
    }
    int status = 0;
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == pid) return ExitCodeOf(status);
    if (ended < 0 && errno != EINTR) return FailErrno(errno, "cannot wait for the command");
  }
}

}  // namespace

Error BecomeProgram(const Program& program) {
  return NotStarted(program, Exec(program));
}

Result<ProgramEnd> RunProgram(const Program& program, const SignalWatch& signals) {
  TRY_ASSIGN(Pipe pipe, MakePipe());
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return FailErrno(errno, fmt::format("cannot run '{}'", program.argv.front()));
  if (pid == 0) RunChild(program, signals.MaskBefore(), parent, pipe.write_end.Get());
  pipe.write_end.Reset();
  // The terminal sent one that came before the fork to this process only.
  if (const SignalWatch::Signal early = signals.Next(); early.number != 0) ::kill(pid, early.number);
  int error = 0;
  // Ends when the exec has closed the other side.
  while (::read(pipe.read_end.Get(), &error, sizeof error) < 0 && errno == EINTR) {
  }
  auto code = Wait(pid, signals);
  if (!code) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return Fail(std::move(code.error()));
  }
  ProgramEnd end;
  end.exit_code = *code;
  if (error != 0) end.not_started = NotStarted(program, error);
  return end;
}

}  // namespace spawnd::client
