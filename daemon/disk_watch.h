/// Watches the disk of the state directory: every few seconds it logs when the disk gets full and when it no
/// longer is, and fills the reserve while there is room.
///
/// Loop thread only. Nothing here survives the process.
#pragma once

#include <memory>

#include "base/result.h"
#include "daemon/loop/event_loop.h"
#include "daemon/store/disk.h"
#include "daemon/store/reserve.h"

namespace spawnd::daemon {

class DiskWatch {
 public:
  /// Both outlive this.
  DiskWatch(const Disk& disk, SpaceReserve& reserve) : disk_(disk), reserve_(reserve) {}
  DiskWatch(const DiskWatch&) = delete;
  DiskWatch& operator=(const DiskWatch&) = delete;

  /// Checks now, then every few seconds.
  Result<void> Start(uv_loop_t* loop);

 private:
  void CheckLevel();

  const Disk& disk_;
  SpaceReserve& reserve_;
  Disk::Level level_ = Disk::Level::kEnough;  ///< what was logged last
  std::unique_ptr<Watch> timer_;
};

}  // namespace spawnd::daemon
