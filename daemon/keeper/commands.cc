/// Programs in the container that are not its engine: the keeper's part of it.
#include <sys/socket.h>

#include <utility>

#include "base/descriptors.h"
#include "daemon/keeper/keeper.h"
#include "engines/mask/cleaner.h"

namespace spawnd::daemon {
namespace {

using namespace std::chrono_literals;

/// A bound on a program that hangs, not on a big backup. The daemon's own patience is shorter or the same.
constexpr auto kCommandDeadline = 24h;
constexpr auto kStartProgramDeadline = 30s;

}  // namespace

Result<CommandOutcome> Keeper::RunCommand(const engines::Command& command, UniqueFd input) {
  if (!engine_held_) return Fail(ErrorCode::kInUse, "the engine has been started");
  return RunToItsEnd(command, std::move(input));
}

/// What it takes off is free room of the file system afterwards, and trimmed.
Result<void> Keeper::CleanAfterMask() {
  const auto* cleaner = dynamic_cast<const engines::MaskCleaner*>(engine_);
  if (cleaner == nullptr) return {};
  TRY_ASSIGN(const CommandOutcome outcome, RunToItsEnd(cleaner->CleanAfterMask(launch_.paths), UniqueFd()));
  if (outcome.exit_code == 0) return {};
  return Fail(
      ErrorCode::kInternal,
      "logs of the server cannot be taken off the volume, and they may have old values in them: exit code " +
          std::to_string(outcome.exit_code));
}

Result<CommandOutcome> Keeper::RunToItsEnd(const engines::Command& command, UniqueFd input) {
  log_->Mark();
  TRY_ASSIGN(SocketPair leash, MakeSocketPair(SOCK_SEQPACKET));
  ProgramDescriptors descriptors;
  descriptors.leash = std::move(leash.theirs);
  descriptors.input = std::move(input);
  TRY(init_->RunProgram({command}, std::move(descriptors), kStartProgramDeadline));
  CommandOutcome outcome;
  TRY_ASSIGN(outcome.exit_code, AwaitProgramEnd(leash.ours.Get(), kCommandDeadline));
  outcome.output = log_->Tail(engines::kMaxCommandOutput);
  return outcome;
}

Result<void> Keeper::StartTool(ProgramOrder order, ProgramDescriptors descriptors) {
  if (!init_) return Fail(ErrorCode::kUnavailable, "there is no container yet");
  return init_->RunProgram(std::move(order), std::move(descriptors), kStartProgramDeadline);
}

}  // namespace spawnd::daemon
