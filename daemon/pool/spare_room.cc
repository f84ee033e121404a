#include "daemon/pool/spare_room.h"

#include <algorithm>
#include <vector>

#include "daemon/containers/containers.h"
#include "daemon/host/control_groups.h"
#include "daemon/host/ready_memory.h"
#include "daemon/pool/memory.h"
#include "daemon/store/disk.h"

namespace spawnd::daemon {
namespace {

constexpr std::chrono::seconds kBetweenLooks{5};
/// Of a server whose memory nobody counts, or that has only begun.
constexpr uint64_t kLeastOfOne = uint64_t{16} << 20U;

}  // namespace

Result<void> SpareRoom::Start(uv_loop_t* loop) {
  TRY_ASSIGN(timer_, WatchTime(loop, kBetweenLooks, kBetweenLooks, [this] {
               const bool fits = Count() <= uses_.ready.MayHold(ReadyKind::kSpares);
               if (fits && !IsShort()) return;
               // One at a time: the next look shows what that has brought.
               const std::vector<int64_t> all = uses_.containers.WithSpare();
               if (!all.empty()) uses_.containers.GiveUpSpare(all.front());
             }));
  return {};
}

bool SpareRoom::HasRoom() {
  return !IsShort() && Count() + kLeastOfOne <= uses_.ready.MayHold(ReadyKind::kSpares);
}

bool SpareRoom::IsShort() const {
  return ReadMachineMemory().ShortageBytes() > 0 || uses_.disk.IsLow();
}

uint64_t SpareRoom::Count() {
  uint64_t bytes = 0;
  for (const int64_t id : uses_.containers.WithSpare()) {
    if (uses_.ready.IsIdle(id)) continue;
    const int64_t used = uses_.groups.LookAt(uses_.containers.GroupOfSpare(id)).usage.memory_bytes;
    bytes += std::max(kLeastOfOne, static_cast<uint64_t>(std::max<int64_t>(used, 0)));
  }
  uses_.ready.Hold(ReadyKind::kSpares, bytes);
  return bytes;
}

}  // namespace spawnd::daemon
