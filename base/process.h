/// Starting other programs. All functions are safe from any thread; children inherit no descriptors but 0, 1,
/// 2 and what SpawnOptions names.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/identity.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd {

/// As for setrlimit(2): RLIMIT_... A hard limit is kept where the parent's is lower.
struct ResourceLimit {
  int resource;
  uint64_t soft;
  uint64_t hard;
};

struct SpawnOptions {
  std::vector<std::string> argv;  ///< argv[0] is an absolute path, or looked up in the caller's PATH
  std::vector<std::string> env;   ///< "NAME=value"; nothing is inherited
  std::string working_directory;  ///< empty: "/"
  int stdin_fd = -1;              ///< -1: /dev/null; stays open in the parent
  int stdout_fd = -1;
  int stderr_fd = -1;
  int fourth_fd = -1;                ///< becomes descriptor 3; -1: none
  std::optional<Identity> identity;  ///< empty: as the parent; else all capabilities are gone with the switch
  bool die_with_parent = true;       ///< SIGKILL when the *thread* that spawned it ends
  bool new_session =
      false;  ///< setsid: a terminal's ctrl-C does not reach it, kill(-pid) reaches its children
  bool no_new_privileges = false;  ///< set-user-id programs give it nothing
  /// Neither it nor anything that it starts can ever have a capability. Only with CAP_SETPCAP; with
  /// `identity`.
  bool no_capabilities = false;
  /// An array of struct sock_filter: the program that decides over its system calls (seccomp(2)), from its
  /// first instruction on. Goes with no_new_privileges. Empty: none. Has to allow what leads to the exec:
  /// sendmsg, close_range, execve, write, exit_group.
  std::string_view system_call_filter{};
  /// A Unix socket on which the descriptor arrives that hears of calls which the filter asks about; -1: it
  /// asks about none. The text of the message is empty (base/message.h).
  int filter_listener_socket = -1;
  std::vector<ResourceLimit> limits{};
  /// Directory of a control group (cgroup v2) that it begins its life in; -1: the parent's.
  int control_group_fd = -1;
  /// -1000 (never killed when memory runs out) to 1000 (first); empty: as the parent. A kernel that refuses
  /// it (less than the parent's, without CAP_SYS_RESOURCE) is no error.
  std::optional<int> oom_score_adj;
  /// Soft limit of open descriptors, if the hard one allows it. Who needs more raises it himself; who asks
  /// select() cannot have more. What the daemon needs is no program's affair.
  uint64_t open_files = 1024;
};

/// Puts SpawnOptions::system_call_filter over the calling process, for one that goes on without an exec. It
/// has no_new_privs already. Async-signal-safe; false with errno.
bool FilterSystemCalls(std::string_view program, int listener_socket = -1);

/// Starts a program. An exec that fails (missing file, no permission) is reported here, naming the program.
Result<pid_t> Spawn(const SpawnOptions& options);

struct ProcessOutput {
  int exit_code = 0;   ///< 128 + signal when a signal ended it
  std::string output;  ///< standard output and error, as they came
};

/// Runs a program to its end and keeps what it printed (at most `max_output` bytes; the rest is read and
/// dropped). kTimeout, after SIGKILL, when `deadline` passes before it has ended and its output too.
Result<ProcessOutput> RunAndCapture(const SpawnOptions& options, std::chrono::milliseconds deadline,
                                    size_t max_output = 1 << 20);

/// Waits for a child without a deadline; exit code as in ProcessOutput.
int WaitForExit(pid_t pid);

}  // namespace spawnd
