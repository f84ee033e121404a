/// What runs as process 1 of a container, and what it and its keeper say to each other; the keeper's end is
/// ContainerInit (init_client.h).
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/init/container_root.h"
#include "daemon/session/process.h"
#include "engines/engine.h"
#include "storage/export/ext4.h"
#include "storage/export/idmapped_mount.h"

namespace spawnd::daemon {

/// What process 1 needs to know; inherited by the fork.
struct InitPlan {
  RootPlan root;
  bool own_network = true;  ///< and nothing in it; else the host's
  std::string volume_file;  ///< the FUSE file
  bool format = false;      ///< make the file system first
  storage::Barriers barriers = storage::Barriers::kOn;
  std::vector<engines::Bind> binds;  ///< made before anything of the engine runs
  engines::Command initialise;
  engines::Command start;
  int stop_signal = 0;
  int last_stop_signal = 0;  ///< 0: none
  uid_t engine_uid = 0;
  gid_t engine_gid = 0;
  storage::Owner volume_owner;  ///< whose files the volume has, whoever they are shown as
  int owner_mapping_fd = -1;    ///< shows them as the engine's; -1: the engine runs as their owner
  std::string filter;           ///< of the engine's system calls (system_calls.h)
  std::string start_filter;     ///< of the server's own; it may ask
  int control_group_fd = -1;    ///< of all that runs in the container but process 1 itself; -1: none
  int64_t most_processes = 0;   ///< of the engine's user, where there is no such group; 0: no limit
  int filters_fd = -1;  ///< where the start filter's listener is sent to (listening_port.h); -1: nowhere
  SessionPlan session{};
  bool programs_ask = false;  ///< `filter` asks, too, and all that has it sends its listener to `filters_fd`
  int log_fd = -1;            ///< where the engine prints to
  int lock_fd = -1;           ///< process 1 keeps it open, and nobody below it (container_lock.h)
};

enum class InitOrder : int {
  kMountVolume,       ///< attach, format if planned, mount, and enter the container's root
  kInitialiseEngine,  ///< make the data directory and run InitPlan::initialise
  kRunProgram,        ///< a tool, or a command while the engine is down; through RunProgram only
  kStartEngine,
  kStartSession,  ///< in place of an earlier one; through StartSession only
  kEndSession,
  kStopEngine,   ///< clean stop, then end what is left; through StopEngine only
  kKillEngine,   ///< SIGKILL to everything but process 1; answered when all of it is gone
  kBeginToKill,  ///< the same, answered when all of it has the signal: no instruction of it runs any more
  kTrimVolume,
  kSyncVolume,     ///< all that the engine has written reaches the volume
  kUnmountVolume,  ///< the engine has ended; detaches the loop device too
  kMeasureVolume,  ///< how much room its file system has
};

/// Of the file system on the volume, as df counts.
struct VolumeRoom {
  uint64_t bytes = 0;
  uint64_t free_bytes = 0;
};

struct InitTimings {
  double loop_milliseconds = 0;
  double mount_milliseconds = 0;
};

/// Process 1 to keeper. Both ends are the same binary, one forked from the other, so memory layout is the
/// format.
struct InitMessage {
  enum class Kind : int { kDone, kFailed, kEngineExit };
  Kind kind = Kind::kDone;
  ErrorCode code = ErrorCode::kInternal;  ///< with kFailed
  int engine_status = 0;                  ///< with kEngineExit, as from waitpid
  InitTimings timings;
  storage::Owner engine;          ///< who it runs as: of the plan, or the volume's owner
  VolumeRoom room;                ///< of kMeasureVolume
  std::array<char, 4096> text{};  ///< with kFailed
  std::array<char, 512> hint{};
};

/// Keeper to process 1: an InitOrder, and with kRunProgram what program_order.h has after it.
std::string EncodeOrder(InitOrder order);
/// kStopEngine with how long the engine may take before it is killed.
std::string EncodeStop(std::chrono::milliseconds patience);

/// Never returns: ends when the keeper's end of the socket closes.
[[noreturn]] void RunInitProcess(const InitPlan& plan, UniqueFd socket);

}  // namespace spawnd::daemon
