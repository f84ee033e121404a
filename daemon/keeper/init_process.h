/// The other end of ContainerInit: what runs as process 1 of a container. Private to daemon/keeper/.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "daemon/keeper/init_client.h"

namespace spawnd::daemon {

/// Process 1 to keeper. Both ends are the same binary, one forked from the other, so memory layout is the
/// format.
struct InitMessage {
  enum class Kind : int { kDone, kFailed, kEngineExit };
  Kind kind = Kind::kDone;
  ErrorCode code = ErrorCode::kInternal;  ///< with kFailed
  int engine_status = 0;                  ///< with kEngineExit, as from waitpid
  InitTimings timings;
  int command_exit = 0;           ///< with kDone of a kRunCommand, as of ProcessOutput
  std::array<char, 4096> text{};  ///< with kFailed
  std::array<char, 512> hint{};
};

/// Keeper to process 1: an InitOrder, and with kRunCommand the command after it.
std::string EncodeOrder(InitOrder order);
std::string EncodeCommandOrder(const engines::Command& command);
Result<engines::Command> DecodeCommandOrder(std::string_view packet);

/// Never returns: ends when the keeper's end of the socket closes.
[[noreturn]] void RunInitProcess(const InitPlan& plan, UniqueFd socket);

}  // namespace spawnd::daemon
