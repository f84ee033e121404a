/// The daemon's end of the process that keepers are forked from, `spawnd keeper-launcher`
/// (launcher_process.h).
///
/// Starting a program with all of spawnd's libraries takes ten milliseconds of dynamic linking, on the path
/// of every create; a fork of a process that has done it takes one. The daemon itself cannot fork keepers: it
/// has threads, and a keeper must not inherit the daemon's memory. One launcher costs a few megabytes, shared
/// with its keepers, holds no secrets and ends with the daemon; keepers stay.
///
/// Safe from any thread; one fork at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/init/single_program.h"

namespace spawnd::daemon {

struct ForkedKeeper {
  pid_t pid = 0;
  UniqueFd process;  ///< pidfd
  UniqueFd connection;
};

class KeeperLauncher {
 public:
  /// Has no process yet: the first fork starts it. Keepers will see `state_directory` and little else of the
  /// host (daemon/init/outer_root.h).
  /// `begun` is told of each launcher process before it does anything.
  explicit KeeperLauncher(std::string state_directory, std::function<void(pid_t)> begun = {})
      : state_directory_(std::move(state_directory)), begun_(std::move(begun)) {}
  /// Starts the process, ahead of the first create, which would otherwise wait for it.
  static Result<std::unique_ptr<KeeperLauncher>> Start(std::string state_directory,
                                                       std::function<void(pid_t)> begun = {});
  KeeperLauncher(const KeeperLauncher&) = delete;
  KeeperLauncher& operator=(const KeeperLauncher&) = delete;

  /// Makes the control socket in a container's directory anew and forks the keeper of container `id` on it.
  /// The launcher collects it when it ends. A launcher that is gone (killed by hand, out of memory) is
  /// started again.
  Result<ForkedKeeper> ForkKeeper(const std::string& directory, int64_t id);
  /// Runs a program of an installation to its end, where it sees nothing else. kTimeout as RunAndCapture.
  Result<ProcessOutput> RunProgram(const SingleProgram& program);

 private:
  Result<ForkedKeeper> Ask(const std::string& request, int first_fd, int second_fd);
  Result<ForkedKeeper> AskOnce(const std::string& request, int first_fd, int second_fd) const;

  const std::string state_directory_;
  const std::function<void(pid_t)> begun_;
  std::mutex mutex_;
  UniqueFd socket_;
};

}  // namespace spawnd::daemon
