/// What a container's failures say: whose they are, and when it is tried again. Pure, safe from any thread.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/error.h"

namespace spawnd::daemon {

/// Nothing in the container can mend it, and time may: no room, a port or a lock that is held, no memory, no
/// descriptors, an engine that is being upgraded, a machine that is too slow.
bool IsMachinesFault(const Error& error);

/// The pause after that many failures one after the other: none, then 1 s, 2 s, 4 s, up to `longest`.
std::chrono::milliseconds RestartDelay(size_t failures, std::chrono::seconds longest);

}  // namespace spawnd::daemon
