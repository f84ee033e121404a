/// The names of the files in a container's directory, and of the descriptors that a keeper starts with.
/// Shared by the daemon, fsck and keepers.
///
///   control.sock   the keeper listens here
///   keeper.lock    held while the keeper or its process 1 is there (container_lock.h)
///   delta/         the volume's own blocks
///   engine.log     what the engine printed (engine_log.h), and engine.log.1 what it had printed before
///   last-words     why the last keeper ended
#pragma once

#include <string>

namespace spawnd::daemon {

inline constexpr const char* kControlSocketName = "control.sock";
inline constexpr const char* kLockName = "keeper.lock";
inline constexpr const char* kDeltaName = "delta";
inline constexpr const char* kEngineLogName = "engine.log";
inline constexpr const char* kLastWordsName = "last-words";

/// The file that holds what the log at `path` held before it began anew.
inline std::string OlderLog(const std::string& path) {
  return path + ".1";
}

inline constexpr int kControlSocketFd = 3;    ///< bound to kControlSocketName; the keeper calls listen
inline constexpr int kFirstConnectionFd = 4;  ///< connected to the daemon that launched it

}  // namespace spawnd::daemon
