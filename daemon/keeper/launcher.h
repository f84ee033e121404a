/// The process that keepers are forked from: `spawnd keeper-launcher`, a child of the daemon.
///
/// Starting a program with all of spawnd's libraries takes ten milliseconds of dynamic linking, on the path
/// of every create; a fork of a process that has done it takes one. The daemon itself cannot fork keepers: it
/// has threads, and a keeper must not inherit the daemon's memory. One launcher costs a few megabytes, shared
/// with its keepers, holds no secrets and ends with the daemon; keepers stay.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {

/// The descriptor a launcher starts with: its end of a socket pair with the daemon.
inline constexpr int kLauncherSocketFd = 3;

/// The daemon's end. Safe from any thread; one exchange at a time.
class KeeperLauncher {
 public:
  /// Starts the launcher process.
  static Result<KeeperLauncher> Start();

  /// Forks the keeper of container `id` with copies of the two descriptors (keeper_protocol.h). Returns its
  /// pid; the launcher collects it when it ends. kUnavailable: the launcher is gone, start another.
  Result<pid_t> Fork(int64_t id, int control_fd, int connection_fd);

 private:
  explicit KeeperLauncher(UniqueFd socket) : socket_(std::move(socket)) {}
  UniqueFd socket_;
};

/// Entry point of `spawnd keeper-launcher`. In each child that it forks it runs the keeper and returns its
/// exit code.
int KeeperLauncherMain(int argc, char** argv);

}  // namespace spawnd::daemon
