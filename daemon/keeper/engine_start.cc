/// An engine from its start to where the first query would succeed, look by look: the keeper's part of it
/// that may take long.
#include <utility>

#include "base/control_group.h"
#include "daemon/keeper/keeper.h"

namespace spawnd::daemon {
namespace {

using namespace std::chrono_literals;

/// How often the log is looked at for the engine's word that it is ready: a read of memory.
constexpr auto kReadyCheck = 500us;
/// Between attempts to connect while it has not said so: a user's settings may keep it from saying so.
constexpr auto kProbeWithoutWord = 100ms;
/// A start that takes longer recovers, and is not to be asked that often.
constexpr auto kQuickStart = 10s;
constexpr auto kLongStartCheck = 20ms;
constexpr auto kProbeOfLongStart = 1s;
/// An engine that starts and has written nothing to its log nor had the processor for so long hangs.
constexpr std::chrono::seconds kLongestSilence{1800};
constexpr size_t kLastLineBytes = 1024;

}  // namespace

/// kUnavailable: not ready yet.
Result<void> Keeper::ProbeAndPrepare() {
  TRY(session_->Probe());
  Lap("engine");
  auto prepared = session_->PrepareContainer();
  if (prepared && spec_.behind_door) prepared = session_->StandBy();
  if (!prepared) {
    started_.timings.pop_back();  // it comes again
    return prepared;
  }
  Lap("prepare");
  return {};
}

std::chrono::microseconds Keeper::StartCheck() const {
  const bool is_long = std::chrono::steady_clock::now() - start_->since > kQuickStart;
  return is_long ? std::chrono::microseconds(kLongStartCheck) : kReadyCheck;
}

Result<bool> Keeper::CheckStart() {
  EngineStart& start = *start_;
  start.said_ready =
      start.said_ready || log_->Tail(EngineLog::kTailBytes).find(engine_->ReadyLine()) != std::string::npos;
  const auto now = std::chrono::steady_clock::now();
  const bool is_long = now - start.since > kQuickStart;
  if ((start.said_ready && !is_long) || now >= start.next_probe) {
    start.next_probe = now + (is_long ? kProbeOfLongStart : kProbeWithoutWord);
    auto probed = ProbeAndPrepare();
    if (probed) {
      start_.reset();
      LetClientsIn();
      return true;
    }
    // Without a deadline a server that lets nobody in for now is not ready yet either.
    const bool may_come = probed.error().code == ErrorCode::kUnavailable ||
                          (probed.error().code == ErrorCode::kTimeout && !start.end);
    if (!may_come) return Fail(std::move(probed.error()));
    if (start.end && now > *start.end) {
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*start.end - start.since).count();
      return Fail(ErrorCode::kTimeout, "the engine did not answer within " + std::to_string(seconds) +
                                           " s: " + probed.error().message);
    }
  }
  if (init_->EngineExit()) return Fail(EngineEnded());
  if (!start.end && !ShowsLife(now)) {
    return Fail(ErrorCode::kTimeout, "the engine has shown no sign of life for " +
                                         std::to_string(kLongestSilence.count()) + " s while it started");
  }
  return false;
}

bool Keeper::ShowsLife(std::chrono::steady_clock::time_point now) {
  EngineStart& start = *start_;
  if (now < start.next_look) return true;
  start.next_look = now + 1s;
  const uint64_t printed = log_->Printed();
  const auto used = control_group_.Valid() ? ReadGroupFile(control_group_.Get(), "cpu.stat")
                                           : Result<std::string>(Fail(ErrorCode::kUnsupported, ""));
  const int64_t microseconds = used ? NumberIn(*used, "usage_usec") : 0;
  // Where nobody counts its processor time, nobody can say that it hangs.
  if (!used || printed != start.printed || microseconds != start.microseconds) start.seen_alive = now;
  start.printed = printed;
  start.microseconds = microseconds;
  return now - start.seen_alive < kLongestSilence;
}

std::string Keeper::LastLine() {
  std::string tail = log_ ? log_->Tail(kLastLineBytes) : "";
  while (!tail.empty() && (tail.back() == '\n' || tail.back() == '\r')) tail.pop_back();
  const size_t line = tail.rfind('\n');
  return line == std::string::npos ? tail : tail.substr(line + 1);
}

}  // namespace spawnd::daemon
