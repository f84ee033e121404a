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
class ReadyMemory;

class SpareRoom {
 public:
  /// All outlive this.
  struct Uses {
    Containers& containers;
    const ControlGroups& groups;
    const Disk& disk;
    ReadyMemory& ready;
  };

  explicit SpareRoom(Uses uses) : uses_(uses) {}

  /// Looks again every few seconds from now on.
  Result<void> Start(uv_loop_t* loop);
  /// For one more.
  bool HasRoom();

 private:
  bool IsShort() const;
  /// What all of them take, without those of containers that are idle themselves.
  uint64_t Count();

  const Uses uses_;
  std::unique_ptr<Watch> timer_;
};

}  // namespace spawnd::daemon
