#include "daemon/machine/machine.h"

#include <algorithm>
#include <utility>

#include "daemon/machine/failures.h"

namespace spawnd::daemon {
namespace {

using EventKind = ContainerEvent::Kind;
using ActionKind = ContainerAction::Kind;

ContainerAction Do(ActionKind kind) {
  return ContainerAction{.kind = kind};
}

ContainerAction Write(ContainerState state, std::string detail = {}) {
  return ContainerAction{.kind = ActionKind::kWriteState, .state = state, .detail = std::move(detail)};
}

ContainerAction WriteStaysDown(const Error& error) {
  return ContainerAction{.kind = ActionKind::kWriteState,
                         .state = ContainerState::kFailed,
                         .detail = error.message + (error.hint.empty() ? "" : ". " + error.hint),
                         .stays_down = true};
}

ContainerAction Wait(std::chrono::milliseconds delay) {
  return ContainerAction{.kind = ActionKind::kStartTimer, .delay = delay};
}

}  // namespace

ContainerMachine::Actions ContainerMachine::Handle(const ContainerEvent& event, Time now) {
  switch (event.kind) {
    case EventKind::kCreated:
      caller_waits_ = true;
      return Launch();
    case EventKind::kFoundAtStart:
      return OnFoundAtStart();
    case EventKind::kKeeperStarted:
      return OnKeeperStarted(now);
    case EventKind::kKeeperFailed:
      return OnKeeperFailed(event.error);
    case EventKind::kKeeperAttached:
      return OnKeeperAttached(now);
    case EventKind::kKeeperStarting:
      return OnKeeperStarting();
    case EventKind::kKeeperMissing:
      return OnKeeperMissing();
    case EventKind::kKeeperUnknown:
      return OnKeeperUnknown();
    case EventKind::kKeeperExited:
      return OnKeeperExited(event.error, now);
    case EventKind::kKeeperKilled:
      return OnKeeperKilled(event.error);
    case EventKind::kFilesRemoved:
      // The row goes last: as long as files may be left, the next start of the daemon must find it.
      return {
          {.kind = ActionKind::kRemoveRow, .error = create_error_.value_or(Error(ErrorCode::kInternal, ""))}};
    case EventKind::kRowRemoved:
      return OnRowRemoved();
    case EventKind::kRemovalFailed:
      return OnRemovalFailed();
    case EventKind::kStateWritten:
      return OnStateWritten();
    case EventKind::kStateNotWritten:
      return OnStateNotWritten(event.error);
    case EventKind::kTimerFired:
      return OnTimer();
    default:
      return OnWish(event.kind);
  }
}

ContainerMachine::Actions ContainerMachine::OnWish(EventKind wish) {
  switch (wish) {
    case EventKind::kDeleteMarked:
      return OnDeleteMarked();
    case EventKind::kRevertMarked:
      return OnRevertMarked();
    case EventKind::kStopMarked:
      return OnStopMarked();
    case EventKind::kStartMarked:
      return OnStartMarked();
    case EventKind::kRestartMarked:
      return OnRestartMarked();
    case EventKind::kSleepMarked:
      return OnSleepMarked();
    case EventKind::kWakeMarked:
      return Sleeps() ? Begin() : Actions{};
    case EventKind::kClientGone:
      return OnClientGone();
    default:
      return {};
  }
}

ContainerMachine::Actions ContainerMachine::Launch() {
  launching_ = true;
  attaching_ = attach_waits_ = removal_waits_ = false;
  launch_reverts_ = state_ == ContainerState::kReverting;
  ++launches_;
  return {Do(ActionKind::kLaunchKeeper)};
}

ContainerMachine::Actions ContainerMachine::StartRemoval(Error reason) {
  state_ = ContainerState::kDeleting;
  Actions actions;
  ReplyNotReverted(actions, reason);
  const Error deleted(ErrorCode::kCancelled, "the container was deleted meanwhile");
  ReplyNotStarted(actions, deleted);
  ReplyNotStopped(actions, deleted);
  if (caller_waits_) create_error_ = std::move(reason);
  for (ContainerAction& action : GiveUpFlight({Do(ActionKind::kKillKeeper)})) {
    actions.push_back(std::move(action));
  }
  return actions;
}

/// A launch in flight is told to stop and cleans up after itself; killing beside it would race with it.
ContainerMachine::Actions ContainerMachine::GiveUpFlight(Actions otherwise) {
  if (launching_) return {Do(ActionKind::kCancelLaunch)};
  if (killing_) {
    return std::exchange(stop_is_tidy_, false) ? Actions{Do(ActionKind::kHurryStop)} : Actions{};
  }
  killing_ = true;
  attaching_ = attach_waits_ = removal_waits_ = false;
  return otherwise;
}

ContainerMachine::Actions ContainerMachine::Kill() {
  killing_ = true;
  attaching_ = attach_waits_ = removal_waits_ = false;
  return {Do(ActionKind::kKillKeeper)};
}

ContainerMachine::Actions ContainerMachine::Stop() {
  killing_ = stop_is_tidy_ = true;
  attaching_ = attach_waits_ = removal_waits_ = false;
  return {Do(ActionKind::kStopKeeper)};
}

void ContainerMachine::ReplyNotReverted(Actions& actions, Error error) {
  if (!std::exchange(revert_waits_, false)) return;
  actions.push_back({.kind = ActionKind::kReplyNotReverted, .error = std::move(error)});
}

void ContainerMachine::ReplyNotStarted(Actions& actions, Error error) {
  if (!std::exchange(start_waits_, false)) return;
  actions.push_back({.kind = ActionKind::kReplyNotStarted, .error = std::move(error)});
}

void ContainerMachine::ReplyNotStopped(Actions& actions, Error error) {
  if (!std::exchange(stop_waits_, false)) return;
  actions.push_back({.kind = ActionKind::kReplyNotStopped, .error = std::move(error)});
}

ContainerMachine::Actions ContainerMachine::OnKeeperKilled(const Error& how) {
  killing_ = stop_is_tidy_ = false;
  switch (state_) {
    case ContainerState::kDeleting:
      return {Do(ActionKind::kRemoveFiles)};
    case ContainerState::kStopping:
      // To wake it would quietly go back to its last commit.
      if (falls_asleep_ && how.code == ErrorCode::kPoisoned) return CountFailure(how);
      state_ = falls_asleep_ ? ContainerState::kAsleep : ContainerState::kStopped;
      return {Write(state_, how.message)};
    case ContainerState::kRestarting:
      return Launch();
    case ContainerState::kReverting:
      if (own_failures_ < kFailuresAllowed) return Launch();
      state_ = ContainerState::kFailed;
      return {Write(state_, "going back to a revision has failed")};
    default:
      return {};
  }
}

ContainerMachine::Actions ContainerMachine::OnFoundAtStart() {
  switch (state_) {
    case ContainerState::kCreating:
      // Its caller is gone with the old daemon: nobody was told a name or a password.
      return StartRemoval({ErrorCode::kCancelled, "the daemon stopped"});
    case ContainerState::kDeleting:
    case ContainerState::kReverting:
      // A keeper that answers may be from before it was to go back.
      return Kill();
    case ContainerState::kStopping:
      return Stop();
    case ContainerState::kFailed:
      if (stays_down_) return {};
      break;
    case ContainerState::kStopped:  // a catalog that was put back may be older than its keeper
    case ContainerState::kAsleep:
    case ContainerState::kRunning:
    case ContainerState::kRestarting:
      break;
  }
  // A start of the daemon is a new chance for what had failed.
  attaching_ = true;
  return {Do(ActionKind::kAttachKeeper)};
}

ContainerMachine::Actions ContainerMachine::OnKeeperStarted(Time now) {
  started_at_ = now;
  launching_ = false;
  if (state_ == ContainerState::kDeleting) return Kill();
  if (state_ == ContainerState::kStopping) return Stop();
  // Launched before it was to go back, and not cancelled in time.
  if (state_ == ContainerState::kReverting && !launch_reverts_) return Kill();
  state_ = ContainerState::kRunning;
  return {Write(state_)};
}

bool ContainerMachine::AttachAnswers() {
  // Else something was decided meanwhile that makes its own keeper, or ends whatever there is.
  if (!std::exchange(attaching_, false)) return false;
  return state_ == ContainerState::kRunning || state_ == ContainerState::kRestarting ||
         state_ == ContainerState::kFailed || state_ == ContainerState::kStopped ||
         state_ == ContainerState::kAsleep;
}

ContainerMachine::Actions ContainerMachine::OnKeeperAttached(Time now) {
  started_at_ = now;
  if (!AttachAnswers()) return {};
  if (state_ == ContainerState::kStopped) return Stop();
  if (state_ == ContainerState::kRunning) {
    return std::exchange(start_waits_, false) ? Actions{Do(ActionKind::kReplyStarted)} : Actions{};
  }
  state_ = ContainerState::kRunning;
  return {Write(state_)};
}

ContainerMachine::Actions ContainerMachine::OnKeeperStarting() {
  if (!AttachAnswers()) return {};
  if (state_ == ContainerState::kStopped) return Stop();
  launching_ = true;
  launch_reverts_ = false;
  if (state_ == ContainerState::kRestarting) return {};
  state_ = ContainerState::kRestarting;
  return {Write(state_)};
}

ContainerMachine::Actions ContainerMachine::OnKeeperMissing() {
  if (!AttachAnswers() || state_ == ContainerState::kStopped || state_ == ContainerState::kAsleep) return {};
  if (state_ == ContainerState::kRestarting) return Launch();
  state_ = ContainerState::kRestarting;
  Actions actions{Write(state_, "no keeper was running when the daemon started")};
  for (ContainerAction& action : Launch()) actions.push_back(std::move(action));
  return actions;
}

ContainerMachine::Actions ContainerMachine::OnKeeperUnknown() {
  if (!AttachAnswers()) return {};
  attach_waits_ = true;
  return {Wait(kAttachDelay)};
}

ContainerMachine::Actions ContainerMachine::OnKeeperExited(const Error& error, Time now) {
  // In any other state somebody asked for this end, or a launch in flight reports it.
  if (state_ != ContainerState::kRunning || killing_) return {};
  if (now - started_at_ >= kStable) failures_ = own_failures_ = 0;
  return CountFailure(error);
}

ContainerMachine::Actions ContainerMachine::OnKeeperFailed(const Error& error) {
  launching_ = false;
  switch (state_) {
    case ContainerState::kCreating:
      if (error.code == ErrorCode::kInUse && launches_ < kPortAttempts) {
        Actions actions{Do(ActionKind::kChangePort)};
        for (ContainerAction& action : Launch()) actions.push_back(std::move(action));
        return actions;
      }
      state_ = ContainerState::kDeleting;
      create_error_ = error;
      // Nothing is left to decide about.
      if (error.code == ErrorCode::kPoisoned) create_error_->hint = "Look for the disk's errors in `dmesg`.";
      return {Do(ActionKind::kRemoveFiles)};
    case ContainerState::kDeleting:
      return {Do(ActionKind::kRemoveFiles)};
    case ContainerState::kStopping:
      state_ = ContainerState::kStopped;
      return {Write(state_)};
    case ContainerState::kRestarting:
      // Taken out of the line, or given up for a stop that was called off: neither is a failure.
      return error.code == ErrorCode::kCancelled ? Launch() : CountFailure(error);
    case ContainerState::kReverting:
      // Else it was cancelled, to make way for one that goes back.
      return launch_reverts_ ? CountRevertFailure(error) : Launch();
    case ContainerState::kRunning:
    case ContainerState::kFailed:
    case ContainerState::kStopped:
    case ContainerState::kAsleep:
      break;
  }
  return {};
}

bool ContainerMachine::TooManyFailures(const Error& error) {
  ++failures_;
  if (!IsMachinesFault(error)) ++own_failures_;
  return own_failures_ >= kFailuresAllowed;
}

/// Stays in kReverting: nobody has written to the container since, so going back once more is right.
ContainerMachine::Actions ContainerMachine::CountRevertFailure(const Error& error) {
  stays_down_ = error.code == ErrorCode::kPoisoned;
  const bool hopeless = error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kNotFound;
  if (!TooManyFailures(error) && !hopeless && !stays_down_) {
    const bool full = error.code == ErrorCode::kNoSpace;
    Actions actions{Wait(full ? kNoSpaceDelay : RestartDelay(failures_, kLongestRestartDelay))};
    // Tried again for ever, but nobody waits for ever.
    if (full || failures_ >= kFailuresBeforeAnswer) ReplyNotReverted(actions, error);
    return actions;
  }
  state_ = ContainerState::kFailed;
  Actions actions{stays_down_ ? WriteStaysDown(error) : Write(state_, error.message)};
  ReplyNotReverted(actions, error);
  ReplyNotStarted(actions, error);
  return actions;
}

ContainerMachine::Actions ContainerMachine::CountFailure(const Error& error) {
  Actions actions;
  if (error.code == ErrorCode::kPoisoned) {
    state_ = ContainerState::kFailed;
    stays_down_ = true;
    actions = {WriteStaysDown(error)};
    // Bytes that do not match their checksum will not match at the next try either.
  } else if (TooManyFailures(error) || error.code == ErrorCode::kCorrupt) {
    state_ = ContainerState::kFailed;
    actions = {Write(state_, error.message)};
  } else {
    state_ = ContainerState::kRestarting;
    const bool full = error.code == ErrorCode::kNoSpace;
    actions = {Write(state_, error.message),
               Wait(full ? kNoSpaceDelay : RestartDelay(failures_, kLongestRestartDelay))};
  }
  ReplyNotStarted(actions, error);
  return actions;
}

ContainerMachine::Actions ContainerMachine::OnStateWritten() {
  if (state_ == ContainerState::kStopped) {
    return std::exchange(stop_waits_, false) ? Actions{Do(ActionKind::kReplyStopped)} : Actions{};
  }
  Actions actions;
  if (state_ == ContainerState::kRunning) {
    if (std::exchange(start_waits_, false)) actions.push_back(Do(ActionKind::kReplyStarted));
    if (std::exchange(revert_waits_, false)) actions.push_back(Do(ActionKind::kReplyReverted));
  }
  if (state_ != ContainerState::kDeleting && std::exchange(caller_waits_, false)) {
    actions.push_back(Do(ActionKind::kReplyCreated));
  }
  return actions;
}

ContainerMachine::Actions ContainerMachine::OnStateNotWritten(const Error& error) {
  if (state_ == ContainerState::kRunning && launch_reverts_) {
    // The row still says that it is to go back, so the next start of the daemon would do it, over whatever
    // had been written by then. So nobody may write until the row is right.
    state_ = ContainerState::kReverting;
    static_cast<void>(TooManyFailures({ErrorCode::kInternal, ""}));
    Actions actions;
    ReplyNotReverted(actions, error);
    for (ContainerAction& action : Kill()) actions.push_back(std::move(action));
    return actions;
  }
  // A caller must not be told of a container that a restart of the daemon would take away (its row says
  // creating). Once it was told, a row that lags behind is harmless: it is reconciled all the same.
  if (!caller_waits_ || state_ == ContainerState::kDeleting) return OnStateWritten();
  return StartRemoval(error);
}

ContainerMachine::Actions ContainerMachine::OnRemovalFailed() {
  killing_ = stop_is_tidy_ = false;
  removal_waits_ = true;
  const std::chrono::seconds delay(int64_t{1} << std::min(removal_failures_, 6));
  ++removal_failures_;
  return {Wait(std::min(delay, kLongestRemovalDelay))};
}

ContainerMachine::Actions ContainerMachine::OnRowRemoved() {
  Actions actions;
  if (std::exchange(caller_waits_, false)) {
    actions.push_back({.kind = ActionKind::kReplyFailed,
                       .error = create_error_.value_or(Error(ErrorCode::kCancelled, "deleted"))});
  }
  actions.push_back(Do(ActionKind::kForget));
  return actions;
}

ContainerMachine::Actions ContainerMachine::OnTimer() {
  if (launching_ || killing_) return {};
  const bool attach = std::exchange(attach_waits_, false);
  const bool end = std::exchange(removal_waits_, false);
  switch (state_) {
    case ContainerState::kDeleting:
      return end ? Kill() : Actions{};
    case ContainerState::kReverting:
      return end ? Kill() : Launch();
    case ContainerState::kStopping:
      return end ? Stop() : Actions{};
    case ContainerState::kRestarting:
      if (end) return Stop();
      if (!attach) return Launch();
      [[fallthrough]];
    default:
      if (!attach) return {};
      attaching_ = true;
      return {Do(ActionKind::kAttachKeeper)};
  }
}

ContainerMachine::Actions ContainerMachine::OnDeleteMarked() {
  if (state_ == ContainerState::kDeleting) return {};
  return StartRemoval({ErrorCode::kCancelled, "the container was deleted while it was being created"});
}

ContainerMachine::Actions ContainerMachine::OnRevertMarked() {
  revert_waits_ = true;
  state_ = ContainerState::kReverting;
  failures_ = own_failures_ = 0;  // those of what it goes away from
  stays_down_ = false;
  Actions actions;
  ReplyNotStopped(actions, {ErrorCode::kCancelled, "it goes back to a revision instead"});
  for (ContainerAction& action : GiveUpFlight({Do(ActionKind::kKillKeeper)})) {
    actions.push_back(std::move(action));
  }
  return actions;
}

ContainerMachine::Actions ContainerMachine::OnClientGone() {
  if (state_ != ContainerState::kCreating) return {};
  return StartRemoval({ErrorCode::kCancelled, "the client went away"});
}

}  // namespace spawnd::daemon
