/// The other end of ContainerInit: what runs as process 1 of a container. Private to daemon/keeper/.
#pragma once

#include <array>

#include "base/unique_fd.h"
#include "daemon/keeper/container_init.h"

namespace spawnd::daemon {

/// Process 1 to keeper. Both ends are the same binary, one forked from the other, so memory layout is the
/// format.
struct InitMessage {
  enum class Kind : int { kDone, kFailed, kEngineExit };
  Kind kind = Kind::kDone;
  ErrorCode code = ErrorCode::kInternal;  ///< with kFailed
  int engine_status = 0;                  ///< with kEngineExit, as from waitpid
  InitTimings timings;
  std::array<char, 4096> text{};  ///< with kFailed
  std::array<char, 512> hint{};
};

/// Never returns: ends when the keeper's end of the socket closes.
[[noreturn]] void RunInitProcess(const InitPlan& plan, UniqueFd socket);

}  // namespace spawnd::daemon
