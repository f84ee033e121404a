#include "daemon/host/ready_memory.h"

#include <algorithm>

namespace spawnd::daemon {
namespace {

uint64_t Less(uint64_t bytes, uint64_t taken) {
  return bytes - std::min(bytes, taken);
}

}  // namespace

uint64_t ReadyMemory::MayHold(ReadyKind kind) const {
  const uint64_t pooled = Held(ReadyKind::kPooled);
  const uint64_t spares = Held(ReadyKind::kSpares);
  switch (kind) {
    case ReadyKind::kIdle:
      return Less(Less(budget_, pooled), spares);
    case ReadyKind::kSpares:
      return Less(budget_, pooled);
    case ReadyKind::kPooled:
      // What it has stays: the spares give way.
      return std::max(Less(budget_, spares), std::min(pooled, budget_));
  }
  return 0;
}

}  // namespace spawnd::daemon
