/// Stops, starts and sleep of ContainerMachine: what people ask for, and what nobody being connected brings.
#include <utility>

#include "daemon/machine/machine.h"

namespace spawnd::daemon {

using ActionKind = ContainerAction::Kind;

bool ContainerMachine::IsBusy() const {
  return state_ == ContainerState::kCreating || state_ == ContainerState::kReverting ||
         state_ == ContainerState::kDeleting;
}

ContainerMachine::Actions ContainerMachine::OnStopMarked() {
  stop_waits_ = true;
  falls_asleep_ = false;
  if (state_ == ContainerState::kStopped) return OnStateWritten();
  Actions actions;
  if (IsBusy()) {
    ReplyNotStopped(actions, {ErrorCode::kInUse, "it is " + std::string(ContainerStateName(state_))});
    return actions;
  }
  ReplyNotStarted(actions, {ErrorCode::kCancelled, "it was stopped meanwhile"});
  if (state_ == ContainerState::kFailed || state_ == ContainerState::kAsleep) {
    state_ = ContainerState::kStopped;
    actions.push_back({.kind = ActionKind::kWriteState, .state = state_});
    return actions;
  }
  state_ = ContainerState::kStopping;
  if (launching_) {
    actions.push_back({.kind = ActionKind::kCancelLaunch});
  } else if (!killing_ && !removal_waits_) {
    for (ContainerAction& action : Stop()) actions.push_back(std::move(action));
  }
  return actions;
}

ContainerMachine::Actions ContainerMachine::OnStartMarked() {
  start_waits_ = true;
  if (state_ == ContainerState::kRunning && !attaching_ && !attach_waits_) return OnStateWritten();
  return Begin();
}

ContainerMachine::Actions ContainerMachine::Begin() {
  Actions actions;
  if (state_ == ContainerState::kDeleting) {
    ReplyNotStarted(actions, {ErrorCode::kCancelled, "it is being deleted"});
  }
  if (IsBusy()) return actions;
  ReplyNotStopped(actions, {ErrorCode::kCancelled, "it was started again meanwhile"});
  if (state_ == ContainerState::kRunning) return actions;  // as soon as it is known to
  state_ = ContainerState::kRestarting;
  stays_down_ = falls_asleep_ = false;
  failures_ = own_failures_ = 0;
  if (launching_) {
    actions.push_back({.kind = ActionKind::kHurryLaunch});
  } else if (!killing_ && !removal_waits_ && !attaching_ && !attach_waits_) {
    for (ContainerAction& action : Launch()) actions.push_back(std::move(action));
  }
  return actions;
}

ContainerMachine::Actions ContainerMachine::OnRestartMarked() {
  start_waits_ = true;
  // One that is on its way is a new one already.
  if (state_ != ContainerState::kRunning) return Begin();
  state_ = ContainerState::kRestarting;
  failures_ = own_failures_ = 0;
  return Stop();
}

bool ContainerMachine::MaySleep() const {
  return state_ == ContainerState::kRunning && !launching_ && !killing_ && !attaching_ && !attach_waits_ &&
         !removal_waits_ && !start_waits_ && !revert_waits_ && !caller_waits_;
}

bool ContainerMachine::Sleeps() const {
  return state_ == ContainerState::kAsleep || (state_ == ContainerState::kStopping && falls_asleep_);
}

ContainerMachine::Actions ContainerMachine::OnSleepMarked() {
  if (!MaySleep()) return {};
  state_ = ContainerState::kStopping;
  falls_asleep_ = true;
  return Stop();
}

}  // namespace spawnd::daemon
