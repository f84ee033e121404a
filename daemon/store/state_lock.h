/// The daemon's claim on its state directory: one process at a time, whoever it is (the daemon, fsck).
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {

/// Locks "<state_directory>/lock" for as long as the descriptor lives; the kernel frees it when the process
/// ends, however it ends. kInUse when another daemon has it, and still has it two seconds later.
Result<UniqueFd> LockStateDirectory(const std::string& state_directory);

}  // namespace spawnd::daemon
