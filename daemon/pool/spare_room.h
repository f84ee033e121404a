/// Whether the machine has room for second servers of containers (spares), and giving up those that were not
/// used for longest when it has not: they come after everything that somebody asked for.
///
/// Loop thread only. Reads a few small files of the kernel's each time.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "daemon/loop/event_loop.h"

typedef struct uv_loop_s uv_loop_t;

namespace spawnd::daemon {

class Containers;
class ControlGroups;
class Disk;

class SpareRoom {
 public:
  /// All outlive this.
  struct Uses {
    Containers& containers;
    const ControlGroups& groups;
    const Disk& disk;
  };

  /// `memory_bytes`: that all together may have.
  SpareRoom(Uses uses, uint64_t memory_bytes) : uses_(uses), memory_bytes_(memory_bytes) {}

  /// Looks again every few seconds from now on.
  Result<void> Start(uv_loop_t* loop);
  /// For one more.
  bool HasRoom() const;

 private:
  bool IsShort() const;
  uint64_t Taken() const;

  const Uses uses_;
  const uint64_t memory_bytes_;
  std::unique_ptr<Watch> timer_;
};

}  // namespace spawnd::daemon
