/// Who listens on a port of this machine. Reads /proc; safe from any thread, and takes milliseconds for each
/// hundred processes.
#pragma once

#include <cstdint>
#include <string>

namespace spawnd::daemon {

/// "python3 (process 4711)"; empty when nobody does, or it cannot be told: the process is in another pid
/// namespace, or gone by now.
std::string HolderOfPort(uint16_t port);

}  // namespace spawnd::daemon
