/// What stands before the removal of spawnd from a machine, while no daemon serves the state directory:
/// `spawnd inventory` says what it holds, `spawnd stop-containers` ends what still runs. Both hold the
/// directory's lock. They print to standard output; not for use inside a daemon.
///
/// Stopping changes nothing in the catalog: the next daemon starts the same containers again.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"

namespace spawnd::daemon {

/// How long keepers may take to stop their servers before they are killed. Debian's package waits for it.
inline constexpr std::chrono::seconds kStopPatience{60};

/// Each image and container with its owner and what it takes on the disk. Errors: kInUse (a daemon serves the
/// directory), kNotFound, kForbidden, kIo, kCorrupt.
Result<void> PrintInventory(const std::string& state_directory);

/// All keepers at once stop their servers and commit, as at the shutdown of a machine; one that has not ended
/// after `patience` is killed. After success no process, mount or loop device of a container is left. Errors:
/// as PrintInventory; kTimeout.
Result<void> StopContainers(const std::string& state_directory, std::chrono::seconds patience);

}  // namespace spawnd::daemon
