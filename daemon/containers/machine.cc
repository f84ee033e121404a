#include "daemon/containers/machine.h"

#include <algorithm>
#include <utility>

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

/// At once, then 1 s, 2 s, 4 s ...
std::chrono::milliseconds RestartDelay(size_t failures) {
  if (failures <= 1) return std::chrono::milliseconds(0);
  return std::chrono::seconds(int64_t{1} << (failures - 2));
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
      return OnKeeperStarted();
    case EventKind::kKeeperFailed:
      return OnKeeperFailed(event.error, now);
    case EventKind::kKeeperAttached:
      return OnKeeperAttached();
    case EventKind::kKeeperMissing:
      return OnKeeperMissing();
    case EventKind::kKeeperUnknown:
      return OnKeeperUnknown();
    case EventKind::kKeeperExited:
      // In any other state somebody asked for this end, or a launch in flight reports it.
      return state_ == ContainerState::kRunning ? CountFailure(event.error, now) : Actions{};
    case EventKind::kKeeperKilled:
      return OnKeeperKilled();
    case EventKind::kFilesRemoved:
      // The row goes last: as long as files may be left, the next start of the daemon must find it.
      return {Do(ActionKind::kRemoveRow)};
    case EventKind::kRowRemoved:
      return OnRowRemoved();
    case EventKind::kRemovalFailed:
      return OnRemovalFailed();
    case EventKind::kStateWritten:
      return OnStateWritten();
    case EventKind::kStateNotWritten:
      return OnStateNotWritten(event.error, now);
    case EventKind::kTimerFired:
      return OnTimer();
    case EventKind::kDeleteMarked:
      return OnDeleteMarked();
    case EventKind::kRevertMarked:
      return OnRevertMarked();
    case EventKind::kClientGone:
      return OnClientGone();
  }
  return {};
}

ContainerMachine::Actions ContainerMachine::Launch() {
  launching_ = true;
  launch_reverts_ = state_ == ContainerState::kReverting;
  ++launches_;
  return {Do(ActionKind::kLaunchKeeper)};
}

ContainerMachine::Actions ContainerMachine::StartRemoval(Error reason) {
  state_ = ContainerState::kDeleting;
  Actions actions;
  ReplyNotReverted(actions, reason);
  if (caller_waits_) create_error_ = std::move(reason);
  // A launch in flight is told to stop and cleans up after itself; killing beside it would race with it.
  if (launching_) {
    actions.push_back(Do(ActionKind::kCancelLaunch));
  } else if (!killing_) {
    for (ContainerAction& action : Kill()) actions.push_back(std::move(action));
  }
  return actions;
}

ContainerMachine::Actions ContainerMachine::Kill() {
  killing_ = true;
  return {Do(ActionKind::kKillKeeper)};
}

void ContainerMachine::ReplyNotReverted(Actions& actions, Error error) {
  if (!std::exchange(revert_waits_, false)) return;
  actions.push_back({.kind = ActionKind::kReplyNotReverted, .error = std::move(error)});
}

ContainerMachine::Actions ContainerMachine::OnKeeperKilled() {
  killing_ = false;
  if (state_ == ContainerState::kDeleting) return {Do(ActionKind::kRemoveFiles)};
  if (state_ != ContainerState::kReverting) return {};
  if (failures_.size() < kFailuresAllowed) return Launch();
  state_ = ContainerState::kFailed;
  return {Write(state_, "going back to a revision has failed")};
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
    case ContainerState::kFailed:
      if (stays_down_) return {};
      [[fallthrough]];
    case ContainerState::kRunning:
    case ContainerState::kRestarting:
      // A start of the daemon is a new chance for what had failed, e.g. while its port was taken.
      return {Do(ActionKind::kAttachKeeper)};
  }
  return {};
}

ContainerMachine::Actions ContainerMachine::OnKeeperStarted() {
  launching_ = false;
  if (state_ == ContainerState::kDeleting) return Kill();
  // Launched before it was to go back, and not cancelled in time.
  if (state_ == ContainerState::kReverting && !launch_reverts_) return Kill();
  state_ = ContainerState::kRunning;
  return {Write(state_)};
}

ContainerMachine::Actions ContainerMachine::OnKeeperAttached() {
  if (state_ == ContainerState::kDeleting || state_ == ContainerState::kRunning ||
      state_ == ContainerState::kReverting) {
    return {};
  }
  state_ = ContainerState::kRunning;
  return {Write(state_)};
}

ContainerMachine::Actions ContainerMachine::OnKeeperMissing() {
  if (state_ == ContainerState::kDeleting || state_ == ContainerState::kReverting) return {};
  state_ = ContainerState::kRestarting;
  Actions actions{Write(state_, "no keeper was running when the daemon started")};
  for (ContainerAction& action : Launch()) actions.push_back(std::move(action));
  return actions;
}

ContainerMachine::Actions ContainerMachine::OnKeeperUnknown() {
  if (state_ == ContainerState::kDeleting || state_ == ContainerState::kReverting) return {};
  attach_waits_ = true;
  return {Wait(kAttachDelay)};
}

ContainerMachine::Actions ContainerMachine::OnKeeperFailed(const Error& error, Time now) {
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
    case ContainerState::kRestarting:
      return CountFailure(error, now);
    case ContainerState::kReverting:
      // Else it was cancelled, to make way for one that goes back.
      return launch_reverts_ ? CountRevertFailure(error, now) : Launch();
    case ContainerState::kRunning:
    case ContainerState::kFailed:
      break;
  }
  return {};
}

bool ContainerMachine::TooManyFailures(Time now) {
  failures_.push_back(now);
  while (now - failures_.front() > kFailureWindow) failures_.pop_front();
  return failures_.size() >= kFailuresAllowed;
}

/// Stays in kReverting: nobody has written to the container since, so going back once more is right.
ContainerMachine::Actions ContainerMachine::CountRevertFailure(const Error& error, Time now) {
  if (error.code == ErrorCode::kNoSpace) {
    Actions actions{Wait(kNoSpaceDelay)};
    ReplyNotReverted(actions, error);
    return actions;
  }
  stays_down_ = error.code == ErrorCode::kPoisoned;
  const bool hopeless = error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kNotFound;
  if (!TooManyFailures(now) && !hopeless && !stays_down_) return {Wait(RestartDelay(failures_.size()))};
  state_ = ContainerState::kFailed;
  Actions actions{stays_down_ ? WriteStaysDown(error) : Write(state_, error.message)};
  ReplyNotReverted(actions, error);
  return actions;
}

ContainerMachine::Actions ContainerMachine::CountFailure(const Error& error, Time now) {
  if (error.code == ErrorCode::kPoisoned) {
    state_ = ContainerState::kFailed;
    stays_down_ = true;
    return {WriteStaysDown(error)};
  }
  if (error.code == ErrorCode::kNoSpace) {
    state_ = ContainerState::kRestarting;
    return {Write(state_, error.message), Wait(kNoSpaceDelay)};
  }
  // Bytes that do not match their checksum will not match at the next try either.
  if (TooManyFailures(now) || error.code == ErrorCode::kCorrupt) {
    state_ = ContainerState::kFailed;
    return {Write(state_, error.message)};
  }
  state_ = ContainerState::kRestarting;
  return {Write(state_, error.message), Wait(RestartDelay(failures_.size()))};
}

ContainerMachine::Actions ContainerMachine::OnStateWritten() {
  if (state_ == ContainerState::kRunning && std::exchange(revert_waits_, false)) {
    return {Do(ActionKind::kReplyReverted)};
  }
  if (!caller_waits_ || state_ == ContainerState::kDeleting) return {};
  caller_waits_ = false;
  return {Do(ActionKind::kReplyCreated)};
}

ContainerMachine::Actions ContainerMachine::OnStateNotWritten(const Error& error, Time now) {
  if (state_ == ContainerState::kRunning && launch_reverts_) {
    // The row still says that it is to go back, so the next start of the daemon would do it, over whatever
    // had been written by then. So nobody may write until the row is right.
    state_ = ContainerState::kReverting;
    static_cast<void>(TooManyFailures(now));
    Actions actions;
    ReplyNotReverted(actions, error);
    for (ContainerAction& action : Kill()) actions.push_back(std::move(action));
    return actions;
  }
  // A caller must not be told of a container that a restart of the daemon would take away (its row says
  // creating). Once it was told, a row that lags behind is harmless: it is reconciled all the same.
  if (!caller_waits_ || state_ == ContainerState::kDeleting) return {};
  return StartRemoval(error);
}

ContainerMachine::Actions ContainerMachine::OnRemovalFailed() {
  killing_ = false;
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
  const bool attach = std::exchange(attach_waits_, false);
  if (attach && state_ != ContainerState::kDeleting && state_ != ContainerState::kReverting) {
    return {Do(ActionKind::kAttachKeeper)};
  }
  if (state_ == ContainerState::kRestarting && !launching_) return Launch();
  const bool goes = state_ == ContainerState::kDeleting || state_ == ContainerState::kReverting;
  if (goes && std::exchange(removal_waits_, false)) return Kill();
  if (state_ == ContainerState::kReverting && !launching_ && !killing_) return Launch();
  return {};
}

ContainerMachine::Actions ContainerMachine::OnDeleteMarked() {
  if (state_ == ContainerState::kDeleting) return {};
  return StartRemoval({ErrorCode::kCancelled, "the container was deleted while it was being created"});
}

ContainerMachine::Actions ContainerMachine::OnRevertMarked() {
  revert_waits_ = true;
  state_ = ContainerState::kReverting;
  failures_.clear();  // those of what it goes away from
  stays_down_ = false;
  if (launching_) return {Do(ActionKind::kCancelLaunch)};
  return killing_ ? Actions{} : Kill();
}

ContainerMachine::Actions ContainerMachine::OnClientGone() {
  if (state_ != ContainerState::kCreating) return {};
  return StartRemoval({ErrorCode::kCancelled, "the client went away"});
}

}  // namespace spawnd::daemon
