/// Sleep, as the machine has it.
#include <string>
#include <vector>

#include "daemon/machine/machine.h"
#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

using Event = ContainerEvent::Kind;
using Action = ContainerAction::Kind;
using State = ContainerState;
using Kinds = std::vector<Action>;

Kinds On(ContainerMachine& machine, Event event, ErrorCode code = ErrorCode::kInternal) {
  Kinds kinds;
  const ContainerMachine::Time now{std::chrono::hours(1)};
  for (const auto& action : machine.Handle({event, Error(code, "")}, now)) kinds.push_back(action.kind);
  return kinds;
}

ContainerMachine Asleep() {
  ContainerMachine machine(State::kRunning);
  On(machine, Event::kSleepMarked);
  On(machine, Event::kKeeperKilled);
  On(machine, Event::kStateWritten);
  return machine;
}

TEST_CASE("sleep: a running one ends in order, sleeps, and wakes when somebody connects") {
  ContainerMachine machine(State::kRunning);
  CHECK(machine.MaySleep());
  CHECK(On(machine, Event::kSleepMarked) == Kinds{Action::kStopKeeper});
  CHECK(machine.State() == State::kStopping);
  CHECK(machine.Sleeps());
  CHECK_FALSE(machine.MaySleep());
  CHECK(On(machine, Event::kKeeperExited).empty());
  CHECK(On(machine, Event::kKeeperKilled) == Kinds{Action::kWriteState});
  CHECK(machine.State() == State::kAsleep);
  CHECK(On(machine, Event::kStateWritten).empty());
  CHECK(On(machine, Event::kTimerFired).empty());
  CHECK(On(machine, Event::kWakeMarked) == Kinds{Action::kLaunchKeeper});
  CHECK(machine.State() == State::kRestarting);
  CHECK(On(machine, Event::kWakeMarked).empty());
  CHECK(On(machine, Event::kKeeperStarted) == Kinds{Action::kWriteState});
  CHECK(machine.State() == State::kRunning);
}

TEST_CASE("sleep: only of one that runs and has nothing under way") {
  for (const State state : {State::kCreating, State::kRestarting, State::kFailed, State::kDeleting,
                            State::kReverting, State::kStopping, State::kStopped, State::kAsleep}) {
    ContainerMachine machine(state);
    CHECK_FALSE(machine.MaySleep());
    CHECK(On(machine, Event::kSleepMarked).empty());
    CHECK(machine.State() == state);
  }
  ContainerMachine unknown(State::kRunning);
  On(unknown, Event::kFoundAtStart);
  CHECK(On(unknown, Event::kSleepMarked).empty());
}

TEST_CASE("sleep: asked for while it falls asleep, it starts when nothing is left of the old one") {
  for (const Event wish : {Event::kStartMarked, Event::kWakeMarked, Event::kRestartMarked}) {
    ContainerMachine machine(State::kRunning);
    On(machine, Event::kSleepMarked);
    CHECK(On(machine, wish).empty());
    CHECK(machine.State() == State::kRestarting);
    CHECK_FALSE(machine.Sleeps());
    CHECK(On(machine, Event::kKeeperKilled) == Kinds{Action::kLaunchKeeper});
  }
}

TEST_CASE("sleep: who stops it means it") {
  ContainerMachine machine = Asleep();
  CHECK(On(machine, Event::kStopMarked) == Kinds{Action::kWriteState});
  CHECK(machine.State() == State::kStopped);
  CHECK(On(machine, Event::kStateWritten) == Kinds{Action::kReplyStopped});
  CHECK(On(machine, Event::kWakeMarked).empty());
  CHECK(machine.State() == State::kStopped);
  ContainerMachine falling(State::kRunning);
  On(falling, Event::kSleepMarked);
  CHECK(On(falling, Event::kStopMarked).empty());
  CHECK_FALSE(falling.Sleeps());
  CHECK(On(falling, Event::kKeeperKilled) == Kinds{Action::kWriteState});
  CHECK(falling.State() == State::kStopped);
}

TEST_CASE("sleep: started, taken back or deleted it is as one that is stopped") {
  ContainerMachine started = Asleep();
  CHECK(On(started, Event::kStartMarked) == Kinds{Action::kLaunchKeeper});
  CHECK(On(started, Event::kKeeperStarted) == Kinds{Action::kWriteState});
  CHECK(On(started, Event::kStateWritten) == Kinds{Action::kReplyStarted});
  ContainerMachine reverted = Asleep();
  CHECK(On(reverted, Event::kRevertMarked) == Kinds{Action::kKillKeeper});
  CHECK(On(reverted, Event::kKeeperKilled) == Kinds{Action::kLaunchKeeper});
  ContainerMachine deleted = Asleep();
  CHECK(On(deleted, Event::kDeleteMarked) == Kinds{Action::kKillKeeper});
  CHECK(On(deleted, Event::kKeeperKilled) == Kinds{Action::kRemoveFiles});
}

TEST_CASE("sleep: found at the start of the daemon") {
  ContainerMachine falling(State::kStopping, false, true);
  CHECK(On(falling, Event::kFoundAtStart) == Kinds{Action::kStopKeeper});
  CHECK(On(falling, Event::kKeeperKilled) == Kinds{Action::kWriteState});
  CHECK(falling.State() == State::kAsleep);
  ContainerMachine asleep(State::kAsleep, false, true);
  CHECK(On(asleep, Event::kFoundAtStart) == Kinds{Action::kAttachKeeper});
  CHECK(On(asleep, Event::kKeeperMissing).empty());
  CHECK(asleep.State() == State::kAsleep);
  CHECK(On(asleep, Event::kWakeMarked) == Kinds{Action::kLaunchKeeper});
  // Somebody is there before it is known whether there is a keeper.
  ContainerMachine early(State::kAsleep, false, true);
  On(early, Event::kFoundAtStart);
  CHECK(On(early, Event::kWakeMarked).empty());
  CHECK(On(early, Event::kKeeperMissing) == Kinds{Action::kLaunchKeeper});
  // A catalog that was put back: it runs, and so it stays.
  ContainerMachine running(State::kAsleep, false, true);
  On(running, Event::kFoundAtStart);
  CHECK(On(running, Event::kKeeperAttached) == Kinds{Action::kWriteState});
  CHECK(running.State() == State::kRunning);
}

TEST_CASE("sleep: one whose last sync failed waits for a person, and is not woken") {
  ContainerMachine machine(State::kRunning);
  On(machine, Event::kSleepMarked);
  CHECK(On(machine, Event::kKeeperKilled, ErrorCode::kPoisoned) == Kinds{Action::kWriteState});
  CHECK(machine.State() == State::kFailed);
  CHECK(On(machine, Event::kWakeMarked).empty());
}

TEST_CASE("sleep: a wake that fails is tried again") {
  ContainerMachine machine = Asleep();
  On(machine, Event::kWakeMarked);
  CHECK(On(machine, Event::kKeeperFailed, ErrorCode::kNoSpace) ==
        Kinds{Action::kWriteState, Action::kStartTimer});
  CHECK(On(machine, Event::kTimerFired) == Kinds{Action::kLaunchKeeper});
}

}  // namespace
}  // namespace spawnd::daemon
