/// What processes keep in memory, as the kernel tells it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/result.h"

namespace spawnd::bench {

/// VmRSS of a process in MB; what it shares with others counts in full. `process`: its folder in /proc.
Result<double> ResidentMegabytes(const std::string& process);

/// Pss of everything that came of a process, in MB: what they share counts once. Itself counts where
/// `with_itself`.
double MegabytesBelow(pid_t pid, bool with_itself);

/// The folder in /proc of a container's keeper, which shows itself as "spawnd keeper <id>".
Result<std::string> FindKeeper(int64_t id);

}  // namespace spawnd::bench
