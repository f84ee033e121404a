/// The daemon's two claims on the machine: its state directory (a lock) and its listening socket. Called
/// once, at start, before there are other threads.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {

/// Group whose members may connect, when the machine has it.
inline constexpr const char* kSocketGroup = "spawn";

/// Locks "<state_directory>/lock" for as long as the descriptor lives; the kernel frees it when the process
/// ends, however it ends. kInUse when another daemon has it.
Result<UniqueFd> LockStateDirectory(const std::string& state_directory);

struct ListenSocket {
  UniqueFd fd;
  bool from_systemd = false;  ///< then `path` is systemd's to make and to remove
};

/// Takes the socket that systemd hands over, if it does; else makes one at `path`: 0660, group kSocketGroup,
/// in a folder that is made 0755 when missing. A socket file on which nobody answers any more is replaced;
/// kInUse when somebody does, or when something else is in the way.
Result<ListenSocket> OpenListenSocket(const std::string& path);

}  // namespace spawnd::daemon
