#include "base/process.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/descriptors.h"
#include "base/message.h"
#include "base/unique_fd.h"

namespace spawnd {
namespace {

std::vector<char*> PointersTo(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& s : strings) pointers.push_back(const_cast<char*>(s.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

/// Resolves argv[0] before the fork: between fork and exec only async-signal-safe calls are allowed.
std::string ResolveProgram(const std::string& program) {
  if (program.find('/') != std::string::npos) return program;
  const char* path = ::getenv("PATH");
  std::string remaining = path != nullptr ? path : "/usr/bin:/bin";
  while (!remaining.empty()) {
    const size_t colon = remaining.find(':');
    const std::string candidate = remaining.substr(0, colon) + "/" + program;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    if (colon == std::string::npos) break;
    remaining.erase(0, colon + 1);
  }
  return program;
}

/// Everything the child needs, prepared by the parent.
struct ChildPlan {
  std::string program;
  std::vector<char*> argv;
  std::vector<char*> env;
  std::string oom_score;  ///< empty: as the parent's
  const SpawnOptions* options;
  pid_t parent;
  int error_fd;  ///< close-on-exec pipe on which a failed step reports errno
};

bool DropTo(const Identity& identity) {
  // Groups first, user last: after setuid there is no right left to change the others.
  // The calls themselves: libc's would have all threads of the parent follow, of which there is no other
  // here.
  return ::syscall(SYS_setgroups, identity.groups.size(), identity.groups.data()) == 0 &&
         ::syscall(SYS_setresgid, identity.gid, identity.gid, identity.gid) == 0 &&
         ::syscall(SYS_setresuid, identity.uid, identity.uid, identity.uid) == 0;
}

/// Before the switch of user: only who has the right to may give it up.
bool DropBoundingSet() {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  // As many as this kernel has; the next number is an error.
  for (unsigned long capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return false;
  }
  return true;
}

bool SetLimits(const std::vector<ResourceLimit>& limits) {
  for (const ResourceLimit& limit : limits) {
    rlimit now{};
    if (::getrlimit(static_cast<__rlimit_resource>(limit.resource), &now) != 0) return false;
    now.rlim_max = std::min<rlim_t>(now.rlim_max, limit.hard);
    now.rlim_cur = std::min<rlim_t>(now.rlim_max, limit.soft);
    if (::setrlimit(static_cast<__rlimit_resource>(limit.resource), &now) != 0) return false;
  }
  return true;
}

/// The descriptors that a program may be given: 0 to 3.
constexpr int kPlaces = 4;

/// Moves the descriptors into place. They are first copied above the places, so that "stdout_fd is 0" or a
/// swap of two of them cannot overwrite one before it was used.
bool PlaceDescriptors(const SpawnOptions& options) {
  std::array<int, kPlaces> wanted{options.stdin_fd, options.stdout_fd, options.stderr_fd, options.fourth_fd};
  const size_t count = options.fourth_fd >= 0 ? kPlaces : kPlaces - 1;
  for (size_t i = 0; i < count; ++i) {
    int& fd = wanted[i];
    fd = fd >= 0 ? ::fcntl(fd, F_DUPFD, kPlaces) : ::open("/dev/null", O_RDWR);
    if (fd >= 0 && fd < kPlaces) fd = ::fcntl(fd, F_DUPFD, kPlaces);
    if (fd < 0) return false;
  }
  for (size_t i = 0; i < count; ++i) {
    if (::dup2(wanted[i], static_cast<int>(i)) < 0) return false;
  }
  return true;
}

void SetOomScore(const std::string& score) {
  const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  [[maybe_unused]] const ssize_t n = ::write(fd, score.data(), score.size());
  ::close(fd);
}

void LimitOpenFiles(uint64_t wanted) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = std::min<rlim_t>(wanted, files.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &files);
}

[[noreturn]] void RunChild(const ChildPlan& plan) {
  const SpawnOptions& options = *plan.options;
  // A pipe to report on must not sit on one of the places.
  const int error_fd = ::fcntl(plan.error_fd, F_DUPFD_CLOEXEC, kPlaces);
  bool ok = error_fd >= 0 && PlaceDescriptors(options);
  // What is ignored stays ignored over an exec: SIGPIPE by us, SIGINT and SIGQUIT by a shell that runs us in
  // the background, and then a server that nobody could stop by one of them.
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (options.new_session) ::setsid();
  LimitOpenFiles(options.open_files);
  // While still the parent's user: afterwards the file belongs to nobody that this process is.
  if (!plan.oom_score.empty()) SetOomScore(plan.oom_score);
  ok = ok && SetLimits(options.limits);
  ok = ok && (!options.no_capabilities || DropBoundingSet());
  ok = ok && (!options.identity || DropTo(*options.identity));
  ok = ok && (!options.no_new_privileges || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  // After the switch of user, which clears the setting. The parent may be gone already: then nobody would
  // send it.
  if (ok && options.die_with_parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != plan.parent) ::_exit(127);
  }
  ok = ok && ::chdir(options.working_directory.empty() ? "/" : options.working_directory.c_str()) == 0;
  if (ok) {
    // Marked, not closed: error_fd must stay open until exec has worked.
    ::close_range(options.fourth_fd >= 0 ? kPlaces : kPlaces - 1, ~0U, CLOSE_RANGE_CLOEXEC);
    const std::string_view filter = options.system_call_filter;
    if (filter.empty() || FilterSystemCalls(filter, options.filter_listener_socket))
      ::execve(plan.program.c_str(), plan.argv.data(), plan.env.data());
  }
  const int err = errno;
  [[maybe_unused]] const ssize_t n = ::write(error_fd, &err, sizeof err);
  ::_exit(127);
}

/// Into its control group from the first moment on: a process that is moved there later waits for the whole
/// machine's forks, which takes milliseconds. A raw call, since fork(2) cannot; no other thread of the parent
/// may be relied on in the child anyway.
pid_t Fork(int control_group_fd) {
  // Without the handlers of libraries: libuv's closes descriptors by number, which may be others by now.
  if (control_group_fd < 0) return ::_Fork();
  clone_args arguments{};
  arguments.flags = CLONE_INTO_CGROUP;
  arguments.exit_signal = SIGCHLD;
  arguments.cgroup = static_cast<uint64_t>(control_group_fd);
  return static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
}

using Deadline = std::chrono::steady_clock::time_point;

Result<void> AwaitReadable(int fd, Deadline deadline) {
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd poll_fd{fd, POLLIN, 0};
    const int ready = left.count() <= 0 ? 0 : ::poll(&poll_fd, 1, static_cast<int>(left.count()));
    if (ready > 0) return {};
    if (ready == 0) return Fail(ErrorCode::kTimeout, "deadline passed");
    if (errno != EINTR) return FailErrno(errno, "cannot wait for it");
  }
}

Result<void> ReadUntilEnd(int fd, Deadline deadline, size_t max_output, std::string& output) {
  std::array<char, 16384> buffer{};
  while (true) {
    TRY(AwaitReadable(fd, deadline));
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return {};
    const size_t room = max_output - std::min(max_output, output.size());
    output.append(buffer.data(), std::min(static_cast<size_t>(n), room));
  }
}

/// A program may close its output and live on. It stays a zombie, for WaitForExit.
Result<void> AwaitExit(pid_t pid, Deadline deadline) {
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process.Valid()) return FailErrno(errno, "cannot watch it");
  return AwaitReadable(process.Get(), deadline);
}

}  // namespace

bool FilterSystemCalls(std::string_view program, int listener_socket) {
  const sock_fprog filter{static_cast<unsigned short>(program.size() / sizeof(sock_filter)),
                          const_cast<sock_filter*>(reinterpret_cast<const sock_filter*>(program.data()))};
  // Without the last flag older kernels slow down the whole program for fear of what a filter could reveal.
  const bool listen = listener_socket >= 0;
  const unsigned flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW | (listen ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0U);
  const long listener = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
  if (listener < 0) return false;
  // Marked close-on-exec by the kernel.
  return !listen || SendDescriptor(listener_socket, static_cast<int>(listener));
}

Result<pid_t> Spawn(const SpawnOptions& options) {
  if (options.argv.empty()) return Fail(ErrorCode::kInternal, "cannot start a program without a name");
  TRY_ASSIGN(Pipe errors, MakePipe());
  const ChildPlan plan{ResolveProgram(options.argv[0]),
                       PointersTo(options.argv),
                       PointersTo(options.env),
                       options.oom_score_adj ? std::to_string(*options.oom_score_adj) : "",
                       &options,
                       ::getpid(),
                       errors.write_end.Get()};
  const pid_t pid = Fork(options.control_group_fd);
  if (pid < 0) return FailErrno(errno, "cannot start '" + options.argv[0] + "'");
  if (pid == 0) RunChild(plan);

  errors.write_end.Reset();
  int child_errno = 0;
  ssize_t n = 0;
  do {
    n = ::read(errors.read_end.Get(), &child_errno, sizeof child_errno);
  } while (n < 0 && errno == EINTR);
  if (n == static_cast<ssize_t>(sizeof child_errno)) {
    WaitForExit(pid);
    return FailErrno(child_errno, "cannot start '" + options.argv[0] + "'");
  }
  return pid;
}

int WaitForExit(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return 127;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Result<ProcessOutput> RunAndCapture(const SpawnOptions& options, std::chrono::milliseconds deadline,
                                    size_t max_output) {
  TRY_ASSIGN(Pipe pipe, MakePipe());
  SpawnOptions with_output = options;
  with_output.stdout_fd = pipe.write_end.Get();
  with_output.stderr_fd = pipe.write_end.Get();
  const Deadline end = std::chrono::steady_clock::now() + deadline;
  TRY_ASSIGN(const pid_t pid, Spawn(with_output));
  pipe.write_end.Reset();

  ProcessOutput result;
  auto ended = ReadUntilEnd(pipe.read_end.Get(), end, max_output, result.output);
  if (ended) ended = AwaitExit(pid, end);
  if (!ended) ::kill(pid, SIGKILL);
  result.exit_code = WaitForExit(pid);
  if (!ended) return Fail(ended.error().Wrap("'" + options.argv[0] + "' was stopped"));
  return result;
}

}  // namespace spawnd
