#include "daemon/pool/memory.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace spawnd::daemon {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20U;

}  // namespace

uint64_t MachineMemory::FloorBytes() const {
  return std::clamp(total_bytes / 16, 64 * kMiB, 1024 * kMiB);
}

uint64_t MachineMemory::ShortageBytes() const {
  if (total_bytes == 0 || available_bytes >= FloorBytes()) return 0;
  return FloorBytes() - available_bytes;
}

MachineMemory ReadMachineMemory() {
  MachineMemory memory;
  std::ifstream file("/proc/meminfo");
  std::string name;
  uint64_t kilobytes = 0;
  std::string rest;
  while (file >> name >> kilobytes && std::getline(file, rest)) {
    if (name == "MemTotal:") memory.total_bytes = kilobytes * 1024;
    if (name == "MemAvailable:") memory.available_bytes = kilobytes * 1024;
  }
  return memory;
}

}  // namespace spawnd::daemon
