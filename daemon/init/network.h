/// The network of a container: a namespace of its own with nothing in it but its loopback.
#pragma once

#include "base/result.h"

namespace spawnd::daemon {

/// Brings `lo` up in the network namespace of the caller, who has just made it.
Result<void> BringUpLoopback();

}  // namespace spawnd::daemon
