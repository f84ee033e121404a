/// Stopping containers and starting them again, as the machine has it: each line, and every pair of wishes
/// whatever happens meanwhile.
#include <algorithm>
#include <functional>
#include <string>

#include "daemon/machine/machine.h"
#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

using Event = ContainerEvent::Kind;
using Action = ContainerAction::Kind;
using State = ContainerState;
using Kinds = std::vector<Action>;

Kinds On(ContainerMachine& machine, Event event, ErrorCode code = ErrorCode::kInternal,
         const std::string& message = "") {
  Kinds kinds;
  const ContainerMachine::Time now{std::chrono::hours(1)};
  for (const auto& action : machine.Handle({event, Error(code, message)}, now)) kinds.push_back(action.kind);
  return kinds;
}

TEST_CASE("stops: a running one ends in order, and is said to be stopped once that is written") {
  ContainerMachine machine(State::kRunning);
  CHECK(On(machine, Event::kStopMarked) == Kinds{Action::kStopKeeper});
  CHECK(machine.State() == State::kStopping);
  CHECK(On(machine, Event::kKeeperExited).empty());
  CHECK(On(machine, Event::kKeeperKilled) == Kinds{Action::kWriteState});
  CHECK(machine.State() == State::kStopped);
  CHECK(On(machine, Event::kStateWritten) == Kinds{Action::kReplyStopped});
  CHECK(On(machine, Event::kTimerFired).empty());
  CHECK(On(machine, Event::kStopMarked) == Kinds{Action::kReplyStopped});
  CHECK(On(machine, Event::kStartMarked) == Kinds{Action::kLaunchKeeper});
  CHECK(On(machine, Event::kKeeperStarted) == Kinds{Action::kWriteState});
  CHECK(On(machine, Event::kStateWritten) == Kinds{Action::kReplyStarted});
  CHECK(On(machine, Event::kStartMarked) == Kinds{Action::kReplyStarted});
  CHECK(machine.State() == State::kRunning);
}

TEST_CASE("stops: what was not in order about the end is written down") {
  ContainerMachine machine(State::kStopping);
  machine.Handle({Event::kFoundAtStart}, {});
  const auto actions = machine.Handle({Event::kKeeperKilled, {ErrorCode::kTimeout, "it was killed"}}, {});
  REQUIRE(actions.size() == 1);
  CHECK(actions[0].state == State::kStopped);
  CHECK(actions[0].detail == "it was killed");
}

TEST_CASE("stops: found at the start of the daemon") {
  ContainerMachine stopping(State::kStopping);
  CHECK(On(stopping, Event::kFoundAtStart) == Kinds{Action::kStopKeeper});
  ContainerMachine stopped(State::kStopped);
  CHECK(On(stopped, Event::kFoundAtStart) == Kinds{Action::kAttachKeeper});
  CHECK(On(stopped, Event::kKeeperMissing).empty());
  CHECK(stopped.State() == State::kStopped);
  ContainerMachine with_keeper(State::kStopped);
  On(with_keeper, Event::kFoundAtStart);
  CHECK(On(with_keeper, Event::kKeeperAttached) == Kinds{Action::kStopKeeper});
  CHECK(On(with_keeper, Event::kKeeperKilled).empty());
  CHECK(with_keeper.State() == State::kStopped);
}

TEST_CASE("stops: while it starts, the launch is given up") {
  ContainerMachine machine(State::kRestarting);
  CHECK(On(machine, Event::kTimerFired) == Kinds{Action::kLaunchKeeper});
  CHECK(On(machine, Event::kStopMarked) == Kinds{Action::kCancelLaunch});
  CHECK(On(machine, Event::kKeeperFailed, ErrorCode::kCancelled) == Kinds{Action::kWriteState});
  CHECK(machine.State() == State::kStopped);
  // The launch wins the race.
  ContainerMachine other(State::kRestarting);
  On(other, Event::kTimerFired);
  On(other, Event::kStopMarked);
  CHECK(On(other, Event::kKeeperStarted) == Kinds{Action::kStopKeeper});
  CHECK(On(other, Event::kKeeperKilled) == Kinds{Action::kWriteState});
}

TEST_CASE("stops: started again while it stops, it starts when nothing is left of the old one") {
  ContainerMachine machine(State::kRunning);
  On(machine, Event::kStopMarked);
  CHECK(On(machine, Event::kStartMarked) == Kinds{Action::kReplyNotStopped});
  CHECK(machine.State() == State::kRestarting);
  CHECK(On(machine, Event::kTimerFired).empty());
  CHECK(On(machine, Event::kKeeperKilled) == Kinds{Action::kLaunchKeeper});
}

TEST_CASE("stops: a restart never counts as stopped") {
  ContainerMachine machine(State::kRunning);
  CHECK(On(machine, Event::kRestartMarked) == Kinds{Action::kStopKeeper});
  CHECK(machine.State() == State::kRestarting);
  CHECK(On(machine, Event::kKeeperExited).empty());
  CHECK(On(machine, Event::kKeeperKilled) == Kinds{Action::kLaunchKeeper});
  CHECK(On(machine, Event::kKeeperStarted) == Kinds{Action::kWriteState});
  CHECK(On(machine, Event::kStateWritten) == Kinds{Action::kReplyStarted});
  for (const State state : {State::kFailed, State::kStopped}) {
    ContainerMachine down(state, state == State::kFailed);
    CHECK(On(down, Event::kRestartMarked) == Kinds{Action::kLaunchKeeper});
  }
}

TEST_CASE("stops: who waits for a start hears of its first failure, and it is tried again") {
  ContainerMachine machine(State::kStopped);
  On(machine, Event::kStartMarked);
  CHECK(On(machine, Event::kKeeperFailed, ErrorCode::kInUse) ==
        Kinds{Action::kWriteState, Action::kStartTimer, Action::kReplyNotStarted});
  CHECK(On(machine, Event::kTimerFired) == Kinds{Action::kLaunchKeeper});
  CHECK(On(machine, Event::kKeeperFailed, ErrorCode::kInUse) ==
        Kinds{Action::kWriteState, Action::kStartTimer});
  CHECK(On(machine, Event::kStartMarked) == Kinds{Action::kLaunchKeeper});
}

TEST_CASE("stops: a launch in line is hurried, not begun twice") {
  ContainerMachine machine(State::kRestarting);
  On(machine, Event::kTimerFired);
  CHECK(On(machine, Event::kStartMarked) == Kinds{Action::kHurryLaunch});
  CHECK(On(machine, Event::kKeeperFailed, ErrorCode::kCancelled) == Kinds{Action::kLaunchKeeper});
}

TEST_CASE("stops: a stop that takes long makes way for what throws the data away") {
  ContainerMachine deleted(State::kRunning);
  On(deleted, Event::kStopMarked);
  CHECK(On(deleted, Event::kDeleteMarked) == Kinds{Action::kReplyNotStopped, Action::kHurryStop});
  CHECK(On(deleted, Event::kKeeperKilled) == Kinds{Action::kRemoveFiles});
  ContainerMachine reverted(State::kRunning);
  On(reverted, Event::kStopMarked);
  CHECK(On(reverted, Event::kRevertMarked) == Kinds{Action::kReplyNotStopped, Action::kHurryStop});
  CHECK(On(reverted, Event::kKeeperKilled) == Kinds{Action::kLaunchKeeper});
  ContainerMachine stopped(State::kStopped);
  CHECK(On(stopped, Event::kRevertMarked) == Kinds{Action::kKillKeeper});
}

TEST_CASE("stops: a poisoned one is started by a person's word only") {
  ContainerMachine machine(State::kFailed, true);
  CHECK(On(machine, Event::kFoundAtStart).empty());
  CHECK(On(machine, Event::kStopMarked) == Kinds{Action::kWriteState});
  CHECK(machine.State() == State::kStopped);
  CHECK(On(machine, Event::kStateWritten) == Kinds{Action::kReplyStopped});
  CHECK(On(machine, Event::kStartMarked) == Kinds{Action::kLaunchKeeper});
}

TEST_CASE("stops: a keeper that does not end is stopped again, and never has a second one beside it") {
  ContainerMachine machine(State::kRunning);
  On(machine, Event::kStopMarked);
  CHECK(On(machine, Event::kRemovalFailed, ErrorCode::kTimeout) == Kinds{Action::kStartTimer});
  CHECK(On(machine, Event::kStartMarked) == Kinds{Action::kReplyNotStopped});
  CHECK(On(machine, Event::kTimerFired) == Kinds{Action::kStopKeeper});
  CHECK(On(machine, Event::kKeeperKilled) == Kinds{Action::kLaunchKeeper});
}

TEST_CASE("stops: a keeper from before that still starts is waited for, and not taken for one that answers") {
  for (const State state : {State::kRunning, State::kRestarting}) {
    ContainerMachine machine(state);
    On(machine, Event::kFoundAtStart);
    CHECK(On(machine, Event::kKeeperStarting) ==
          (state == State::kRunning ? Kinds{Action::kWriteState} : Kinds{}));
    CHECK(machine.State() == State::kRestarting);
    CHECK(On(machine, Event::kTimerFired).empty());
    CHECK(On(machine, Event::kStartMarked) == Kinds{Action::kHurryLaunch});
    CHECK(On(machine, Event::kKeeperStarted) == Kinds{Action::kWriteState});
    CHECK(On(machine, Event::kStateWritten) == Kinds{Action::kReplyStarted});
  }
  ContainerMachine stopped(State::kRestarting);
  On(stopped, Event::kFoundAtStart);
  On(stopped, Event::kKeeperStarting);
  CHECK(On(stopped, Event::kStopMarked) == Kinds{Action::kCancelLaunch});
  CHECK(On(stopped, Event::kKeeperFailed, ErrorCode::kCancelled) == Kinds{Action::kWriteState});
  CHECK(stopped.State() == State::kStopped);
}

TEST_CASE("stops: an answer that never comes, because the stop took its connection, holds up no start") {
  ContainerMachine machine(State::kRunning);
  On(machine, Event::kFoundAtStart);
  CHECK(On(machine, Event::kStopMarked) == Kinds{Action::kStopKeeper});
  On(machine, Event::kKeeperKilled);
  CHECK(On(machine, Event::kStateWritten) == Kinds{Action::kReplyStopped});
  CHECK(On(machine, Event::kStartMarked) == Kinds{Action::kLaunchKeeper});
  CHECK(On(machine, Event::kKeeperStarted) == Kinds{Action::kWriteState});
  CHECK(On(machine, Event::kStateWritten) == Kinds{Action::kReplyStarted});
  CHECK(On(machine, Event::kKeeperMissing).empty());  // one that had been on its way
  CHECK(machine.State() == State::kRunning);
}

/// A world that answers what it is asked to do, in an order that a number chooses, and holds the machine to
/// what must never be.
struct World {
  ContainerMachine machine;
  bool launching = false;
  bool ending = false;
  bool keeper = false;
  bool timer = false;
  int attaching = 0;
  int writes = 0;
  int starts_waiting = 0;
  int stops_waiting = 0;
  size_t failures = 0;  ///< launches and writes that failed

  void Tell(Event event, ErrorCode code = ErrorCode::kInternal) {
    for (const auto& action : machine.Handle({event, Error(code, "why")}, ContainerMachine::Time{}))
      Do(action);
  }
  void Do(const ContainerAction& action) {
    switch (action.kind) {
      case Action::kLaunchKeeper:
        REQUIRE_FALSE(launching);
        REQUIRE_FALSE(ending);
        REQUIRE_FALSE(keeper);
        launching = true;
        break;
      case Action::kKillKeeper:
      case Action::kStopKeeper:
        REQUIRE_FALSE(launching);
        REQUIRE_FALSE(ending);
        ending = true;
        attaching = 0;  // the connection on which it would be answered goes
        break;
      case Action::kAttachKeeper:
        ++attaching;
        break;
      case Action::kWriteState:
        ++writes;
        break;
      case Action::kStartTimer:
        timer = true;
        break;
      case Action::kReplyStarted:
        CHECK(machine.State() == State::kRunning);
        [[fallthrough]];
      case Action::kReplyNotStarted:
        starts_waiting = 0;
        break;
      case Action::kReplyStopped:
        CHECK(machine.State() == State::kStopped);
        [[fallthrough]];
      case Action::kReplyNotStopped:
        stops_waiting = 0;
        break;
      default:
        break;
    }
  }
  void Ask(Event wish) {
    if (wish == Event::kStopMarked) {
      ++stops_waiting;
    } else if (wish == Event::kSleepMarked || wish == Event::kWakeMarked) {
      // Nobody waits for these.
    } else if (wish != Event::kRevertMarked && wish != Event::kDeleteMarked) {
      ++starts_waiting;
    }
    Tell(wish);
  }
  /// One thing that is due happens; which, and how it ends, the number says.
  bool Step(unsigned choice) {
    std::vector<std::function<void()>> due;
    const bool fails = (choice >> 4U) % 3 == 0;
    if (launching) {
      due.emplace_back([this, fails] {
        launching = false;
        keeper = !fails;
        if (fails) ++failures;
        Tell(fails ? Event::kKeeperFailed : Event::kKeeperStarted, ErrorCode::kInUse);
      });
    }
    if (ending) {
      due.emplace_back([this, fails] {
        ending = false;
        keeper = keeper && fails;
        Tell(fails ? Event::kRemovalFailed : Event::kKeeperKilled);
      });
    }
    if (attaching > 0) {
      due.emplace_back([this, fails] {
        --attaching;
        // One that still starts is a launch like any other.
        launching = keeper && fails && !launching && !ending && machine.State() != State::kStopped;
        if (launching) keeper = false;
        const bool was_launching = launching;
        Tell(was_launching ? Event::kKeeperStarting
             : keeper      ? Event::kKeeperAttached
                           : Event::kKeeperMissing);
      });
    }
    if (writes > 0) {
      due.emplace_back([this, fails] {
        --writes;
        if (fails) ++failures;
        Tell(fails ? Event::kStateNotWritten : Event::kStateWritten);
      });
    }
    if (timer) {
      due.emplace_back([this] {
        timer = false;
        Tell(Event::kTimerFired);
      });
    }
    if (due.empty()) return false;
    due[(choice & 15U) % due.size()]();
    return true;
  }
};

TEST_CASE("stops: every pair of wishes in every order of events ends, with one keeper and every answer") {
  const std::vector<Event> wishes{Event::kStopMarked,   Event::kStartMarked,  Event::kRestartMarked,
                                  Event::kRevertMarked, Event::kDeleteMarked, Event::kSleepMarked,
                                  Event::kWakeMarked};
  unsigned seed = 1;
  const auto random = [&seed] { return (seed = seed * 1664525U + 1013904223U) >> 16U; };
  for (const State start : {State::kRunning, State::kRestarting, State::kFailed, State::kStopped,
                            State::kStopping, State::kReverting, State::kAsleep}) {
    for (const Event first : wishes) {
      for (const Event second : wishes) {
        for (int round = 0; round < 60; ++round) {
          INFO(ContainerStateName(start) << ", wishes " << static_cast<int>(first) << " and "
                                         << static_cast<int>(second) << ", round " << round);
          World world{ContainerMachine(start)};
          world.keeper = start == State::kRunning || start == State::kStopping;
          world.Tell(Event::kFoundAtStart);
          for (unsigned i = random() % 4; i > 0; --i) world.Step(random());
          // Containers asks for no second going back while it goes back.
          const auto ask = [&world](Event wish) {
            if (wish != Event::kRevertMarked || !world.machine.IsBusy()) world.Ask(wish);
          };
          ask(first);
          for (unsigned i = random() % 4; i > 0; --i) world.Step(random());
          ask(second);
          // With luck that is not for ever bad it comes to rest.
          for (int i = 0; i < 400 && world.Step(random()); ++i) {
            const State now = world.machine.State();
            if (now == State::kDeleting && !world.keeper && !world.ending && !world.launching) break;
          }
          CHECK(world.starts_waiting == 0);
          CHECK(world.stops_waiting == 0);
          CHECK_FALSE(world.launching);
          CHECK_FALSE(world.ending);
          const State end = world.machine.State();
          const bool rests = end == State::kStopped || end == State::kAsleep;
          const bool gave_up = end == State::kFailed && world.failures >= ContainerMachine::kFailuresAllowed;
          CHECK((end == State::kRunning || rests || end == State::kDeleting || gave_up));
          CHECK(world.keeper == (end == State::kRunning));
        }
      }
    }
  }
}

}  // namespace
}  // namespace spawnd::daemon
