/// What the machine has of memory, as /proc/meminfo says. Any thread.
#pragma once

#include <cstdint>

namespace spawnd::daemon {

struct MachineMemory {
  uint64_t total_bytes = 0;
  uint64_t available_bytes = 0;  ///< without swapping
  /// What stays for the machine itself and for what runs to grow into.
  uint64_t FloorBytes() const;
  /// What is missing of it.
  uint64_t ShortageBytes() const;
};

/// Zeros where it cannot be read; then nothing is short.
MachineMemory ReadMachineMemory();

}  // namespace spawnd::daemon
