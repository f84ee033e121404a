/// Every line of the container's life, and the promises that hold over whole lives.
#include "daemon/machine/machine.h"

#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

using Event = ContainerEvent::Kind;
using Action = ContainerAction::Kind;
using State = ContainerState;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// One machine with a clock of its own.
struct Life {
  explicit Life(State state) : machine(state) {}

  std::vector<ContainerAction> On(Event kind, Error error = {ErrorCode::kInternal, ""}) {
    return machine.Handle({kind, std::move(error)}, now);
  }
  std::vector<Action> Kinds(Event kind, Error error = {ErrorCode::kInternal, ""}) {
    std::vector<Action> kinds;
    for (const ContainerAction& action : On(kind, std::move(error))) kinds.push_back(action.kind);
    return kinds;
  }

  ContainerMachine machine;
  ContainerMachine::Time now{std::chrono::hours(1)};
};

/// Names for failure messages of the tables.
struct Step {
  Event event;
  std::vector<Action> actions;
  State after;
  ErrorCode error = ErrorCode::kInternal;
};

struct Story {
  const char* name;
  State start;
  std::vector<Step> steps;
};

const std::vector<Story> kStories{
    {"create, answer, delete",
     State::kCreating,
     {{Event::kCreated, {Action::kLaunchKeeper}, State::kCreating},
      {Event::kKeeperStarted, {Action::kWriteState}, State::kRunning},
      {Event::kStateWritten, {Action::kReplyCreated}, State::kRunning},
      {Event::kDeleteMarked, {Action::kKillKeeper}, State::kDeleting},
      {Event::kKeeperExited, {}, State::kDeleting},
      {Event::kKeeperKilled, {Action::kRemoveFiles}, State::kDeleting},
      {Event::kFilesRemoved, {Action::kRemoveRow}, State::kDeleting},
      {Event::kRowRemoved, {Action::kForget}, State::kDeleting}}},
    {"a launch that fails leaves nothing, and only then is the caller told",
     State::kCreating,
     {{Event::kCreated, {Action::kLaunchKeeper}, State::kCreating},
      {Event::kKeeperFailed, {Action::kRemoveFiles}, State::kDeleting, ErrorCode::kNoSpace},
      {Event::kFilesRemoved, {Action::kRemoveRow}, State::kDeleting},
      {Event::kRowRemoved, {Action::kReplyFailed, Action::kForget}, State::kDeleting}}},
    {"a port taken under its feet is replaced",
     State::kCreating,
     {{Event::kCreated, {Action::kLaunchKeeper}, State::kCreating},
      {Event::kKeeperFailed,
       {Action::kChangePort, Action::kLaunchKeeper},
       State::kCreating,
       ErrorCode::kInUse},
      {Event::kKeeperStarted, {Action::kWriteState}, State::kRunning}}},
    {"the catalog refuses the last write of a create",
     State::kCreating,
     {{Event::kCreated, {Action::kLaunchKeeper}, State::kCreating},
      {Event::kKeeperStarted, {Action::kWriteState}, State::kRunning},
      {Event::kStateNotWritten, {Action::kKillKeeper}, State::kDeleting, ErrorCode::kNoSpace},
      {Event::kKeeperKilled, {Action::kRemoveFiles}, State::kDeleting},
      {Event::kFilesRemoved, {Action::kRemoveRow}, State::kDeleting},
      {Event::kRowRemoved, {Action::kReplyFailed, Action::kForget}, State::kDeleting}}},
    {"the client goes away during the launch",
     State::kCreating,
     {{Event::kCreated, {Action::kLaunchKeeper}, State::kCreating},
      {Event::kClientGone, {Action::kCancelLaunch}, State::kDeleting},
      {Event::kKeeperFailed, {Action::kRemoveFiles}, State::kDeleting, ErrorCode::kCancelled},
      {Event::kFilesRemoved, {Action::kRemoveRow}, State::kDeleting},
      {Event::kRowRemoved, {Action::kReplyFailed, Action::kForget}, State::kDeleting}}},
    {"the launch wins the race against its cancellation",
     State::kCreating,
     {{Event::kCreated, {Action::kLaunchKeeper}, State::kCreating},
      {Event::kDeleteMarked, {Action::kCancelLaunch}, State::kDeleting},
      {Event::kKeeperStarted, {Action::kKillKeeper}, State::kDeleting},
      {Event::kKeeperKilled, {Action::kRemoveFiles}, State::kDeleting}}},
    {"a client that goes away after the start changes nothing",
     State::kCreating,
     {{Event::kCreated, {Action::kLaunchKeeper}, State::kCreating},
      {Event::kKeeperStarted, {Action::kWriteState}, State::kRunning},
      {Event::kClientGone, {}, State::kRunning},
      {Event::kStateWritten, {Action::kReplyCreated}, State::kRunning}}},
    {"a killed keeper is restarted",
     State::kRunning,
     {{Event::kKeeperExited, {Action::kWriteState, Action::kStartTimer}, State::kRestarting},
      {Event::kStateWritten, {}, State::kRestarting},
      {Event::kTimerFired, {Action::kLaunchKeeper}, State::kRestarting},
      {Event::kTimerFired, {}, State::kRestarting},
      {Event::kKeeperStarted, {Action::kWriteState}, State::kRunning},
      {Event::kStateWritten, {}, State::kRunning}}},
    {"at a restart the port stays, a taken one is a failure like others",
     State::kRunning,
     {{Event::kKeeperExited, {Action::kWriteState, Action::kStartTimer}, State::kRestarting},
      {Event::kTimerFired, {Action::kLaunchKeeper}, State::kRestarting},
      {Event::kKeeperFailed,
       {Action::kWriteState, Action::kStartTimer},
       State::kRestarting,
       ErrorCode::kInUse}}},
    {"corrupt bytes are not tried again",
     State::kRestarting,
     {{Event::kFoundAtStart, {Action::kAttachKeeper}, State::kRestarting},
      {Event::kKeeperMissing, {Action::kLaunchKeeper}, State::kRestarting},
      {Event::kKeeperFailed, {Action::kWriteState}, State::kFailed, ErrorCode::kCorrupt},
      {Event::kTimerFired, {}, State::kFailed}}},
    {"deleted while a restart waits",
     State::kRunning,
     {{Event::kKeeperExited, {Action::kWriteState, Action::kStartTimer}, State::kRestarting},
      {Event::kDeleteMarked, {Action::kKillKeeper}, State::kDeleting},
      {Event::kTimerFired, {}, State::kDeleting},
      {Event::kKeeperKilled, {Action::kRemoveFiles}, State::kDeleting}}},
    {"deleted while a restart is under way",
     State::kRestarting,
     {{Event::kTimerFired, {Action::kLaunchKeeper}, State::kRestarting},
      {Event::kDeleteMarked, {Action::kCancelLaunch}, State::kDeleting},
      {Event::kKeeperFailed, {Action::kRemoveFiles}, State::kDeleting}}},
    {"a removal that fails is tried again, from the start",
     State::kDeleting,
     {{Event::kFoundAtStart, {Action::kKillKeeper}, State::kDeleting},
      {Event::kRemovalFailed, {Action::kStartTimer}, State::kDeleting},
      {Event::kTimerFired, {Action::kKillKeeper}, State::kDeleting},
      {Event::kTimerFired, {}, State::kDeleting},
      {Event::kKeeperKilled, {Action::kRemoveFiles}, State::kDeleting},
      {Event::kRemovalFailed, {Action::kStartTimer}, State::kDeleting}}},
    {"found creating: gone, and nobody is answered",
     State::kCreating,
     {{Event::kFoundAtStart, {Action::kKillKeeper}, State::kDeleting},
      {Event::kKeeperKilled, {Action::kRemoveFiles}, State::kDeleting},
      {Event::kFilesRemoved, {Action::kRemoveRow}, State::kDeleting},
      {Event::kRowRemoved, {Action::kForget}, State::kDeleting}}},
    {"found running, its keeper answers: nothing to do",
     State::kRunning,
     {{Event::kFoundAtStart, {Action::kAttachKeeper}, State::kRunning},
      {Event::kKeeperAttached, {}, State::kRunning}}},
    {"found running, no keeper",
     State::kRunning,
     {{Event::kFoundAtStart, {Action::kAttachKeeper}, State::kRunning},
      {Event::kKeeperMissing, {Action::kWriteState, Action::kLaunchKeeper}, State::kRestarting},
      {Event::kKeeperStarted, {Action::kWriteState}, State::kRunning}}},
    {"found running, and nobody knows whether its keeper is there: nothing is launched until somebody does",
     State::kRunning,
     {{Event::kFoundAtStart, {Action::kAttachKeeper}, State::kRunning},
      {Event::kKeeperUnknown, {Action::kStartTimer}, State::kRunning},
      {Event::kTimerFired, {Action::kAttachKeeper}, State::kRunning},
      {Event::kKeeperUnknown, {Action::kStartTimer}, State::kRunning},
      {Event::kTimerFired, {Action::kAttachKeeper}, State::kRunning},
      {Event::kTimerFired, {}, State::kRunning},
      {Event::kKeeperAttached, {}, State::kRunning}}},
    {"deleted while nobody knows whether its keeper is there",
     State::kRestarting,
     {{Event::kFoundAtStart, {Action::kAttachKeeper}, State::kRestarting},
      {Event::kKeeperUnknown, {Action::kStartTimer}, State::kRestarting},
      {Event::kDeleteMarked, {Action::kKillKeeper}, State::kDeleting},
      {Event::kTimerFired, {}, State::kDeleting},
      {Event::kKeeperKilled, {Action::kRemoveFiles}, State::kDeleting}}},
    {"found restarting, the launch had succeeded",
     State::kRestarting,
     {{Event::kFoundAtStart, {Action::kAttachKeeper}, State::kRestarting},
      {Event::kKeeperAttached, {Action::kWriteState}, State::kRunning}}},
    {"found failed: a start of the daemon is a new chance",
     State::kFailed,
     {{Event::kFoundAtStart, {Action::kAttachKeeper}, State::kFailed},
      {Event::kKeeperMissing, {Action::kWriteState, Action::kLaunchKeeper}, State::kRestarting}}},
    {"deleted while the daemon still looks for its keeper",
     State::kRunning,
     {{Event::kFoundAtStart, {Action::kAttachKeeper}, State::kRunning},
      {Event::kDeleteMarked, {Action::kKillKeeper}, State::kDeleting},
      {Event::kKeeperMissing, {}, State::kDeleting},
      {Event::kKeeperAttached, {}, State::kDeleting},
      {Event::kDeleteMarked, {}, State::kDeleting}}},
    {"going back: the keeper is killed, the next one goes back first",
     State::kRunning,
     {{Event::kRevertMarked, {Action::kKillKeeper}, State::kReverting},
      {Event::kKeeperExited, {}, State::kReverting},
      {Event::kKeeperKilled, {Action::kLaunchKeeper}, State::kReverting},
      {Event::kKeeperStarted, {Action::kWriteState}, State::kRunning},
      {Event::kStateWritten, {Action::kReplyReverted}, State::kRunning},
      {Event::kStateWritten, {}, State::kRunning}}},
    {"asked to go back while a restart is under way",
     State::kRestarting,
     {{Event::kTimerFired, {Action::kLaunchKeeper}, State::kRestarting},
      {Event::kRevertMarked, {Action::kCancelLaunch}, State::kReverting},
      {Event::kStateWritten, {}, State::kReverting},
      {Event::kKeeperFailed, {Action::kLaunchKeeper}, State::kReverting, ErrorCode::kCancelled},
      {Event::kKeeperStarted, {Action::kWriteState}, State::kRunning},
      {Event::kStateWritten, {Action::kReplyReverted}, State::kRunning}}},
    {"that restart wins the race against its cancellation: it did not go back",
     State::kRestarting,
     {{Event::kTimerFired, {Action::kLaunchKeeper}, State::kRestarting},
      {Event::kRevertMarked, {Action::kCancelLaunch}, State::kReverting},
      {Event::kKeeperStarted, {Action::kKillKeeper}, State::kReverting},
      {Event::kKeeperKilled, {Action::kLaunchKeeper}, State::kReverting},
      {Event::kKeeperStarted, {Action::kWriteState}, State::kRunning}}},
    {"found going back: whatever keeper is there is killed, and it goes back once more",
     State::kReverting,
     {{Event::kFoundAtStart, {Action::kKillKeeper}, State::kReverting},
      {Event::kKeeperKilled, {Action::kLaunchKeeper}, State::kReverting},
      {Event::kKeeperStarted, {Action::kWriteState}, State::kRunning},
      {Event::kStateWritten, {}, State::kRunning}}},
    {"a damaged revision is not tried again",
     State::kRunning,
     {{Event::kRevertMarked, {Action::kKillKeeper}, State::kReverting},
      {Event::kKeeperKilled, {Action::kLaunchKeeper}, State::kReverting},
      {Event::kKeeperFailed,
       {Action::kWriteState, Action::kReplyNotReverted},
       State::kFailed,
       ErrorCode::kCorrupt}}},
    {"an engine that does not start after going back is tried again",
     State::kFailed,
     {{Event::kRevertMarked, {Action::kKillKeeper}, State::kReverting},
      {Event::kKeeperKilled, {Action::kLaunchKeeper}, State::kReverting},
      {Event::kKeeperFailed, {Action::kStartTimer}, State::kReverting, ErrorCode::kTimeout},
      {Event::kTimerFired, {Action::kLaunchKeeper}, State::kReverting},
      {Event::kTimerFired, {}, State::kReverting},
      {Event::kKeeperStarted, {Action::kWriteState}, State::kRunning},
      {Event::kStateWritten, {Action::kReplyReverted}, State::kRunning}}},
    {"a keeper that does not end is killed again",
     State::kRunning,
     {{Event::kRevertMarked, {Action::kKillKeeper}, State::kReverting},
      {Event::kRemovalFailed, {Action::kStartTimer}, State::kReverting},
      {Event::kTimerFired, {Action::kKillKeeper}, State::kReverting},
      {Event::kKeeperKilled, {Action::kLaunchKeeper}, State::kReverting}}},
    {"a row that still says going back: nobody may write until it is right",
     State::kRunning,
     {{Event::kRevertMarked, {Action::kKillKeeper}, State::kReverting},
      {Event::kKeeperKilled, {Action::kLaunchKeeper}, State::kReverting},
      {Event::kKeeperStarted, {Action::kWriteState}, State::kRunning},
      {Event::kStateNotWritten, {Action::kReplyNotReverted, Action::kKillKeeper}, State::kReverting},
      {Event::kKeeperKilled, {Action::kLaunchKeeper}, State::kReverting},
      {Event::kKeeperStarted, {Action::kWriteState}, State::kRunning}}},
    {"deleted while it goes back, the keeper is being killed",
     State::kRunning,
     {{Event::kRevertMarked, {Action::kKillKeeper}, State::kReverting},
      {Event::kDeleteMarked, {Action::kReplyNotReverted}, State::kDeleting},
      {Event::kKeeperKilled, {Action::kRemoveFiles}, State::kDeleting}}},
    {"deleted while it goes back, the launch is under way",
     State::kRunning,
     {{Event::kRevertMarked, {Action::kKillKeeper}, State::kReverting},
      {Event::kKeeperKilled, {Action::kLaunchKeeper}, State::kReverting},
      {Event::kDeleteMarked, {Action::kReplyNotReverted, Action::kCancelLaunch}, State::kDeleting},
      {Event::kKeeperFailed, {Action::kRemoveFiles}, State::kDeleting}}},
};

TEST_CASE("container machine: each story, step by step") {
  for (const Story& story : kStories) {
    Life life(story.start);
    for (size_t i = 0; i < story.steps.size(); ++i) {
      const Step& step = story.steps[i];
      INFO(story.name << ", step " << i);
      CHECK(life.Kinds(step.event, Error(step.error, "why")) == step.actions);
      CHECK(ContainerStateName(life.machine.State()) == ContainerStateName(step.after));
    }
  }
}

TEST_CASE("container machine: a creator hears the cause") {
  Life life(State::kCreating);
  life.On(Event::kCreated);
  life.On(Event::kKeeperFailed, {ErrorCode::kNoSpace, "disk full", "Make room."});
  life.On(Event::kFilesRemoved);
  const auto actions = life.On(Event::kRowRemoved);
  REQUIRE(actions.size() == 2);
  CHECK(actions[0].error.code == ErrorCode::kNoSpace);
  CHECK(actions[0].error.message == "disk full");
  CHECK(actions[0].error.hint == "Make room.");
}

TEST_CASE("container machine: ports are tried a bounded number of times") {
  Life life(State::kCreating);
  life.On(Event::kCreated);
  for (int i = 1; i < ContainerMachine::kPortAttempts; ++i) {
    CHECK(life.Kinds(Event::kKeeperFailed, {ErrorCode::kInUse, "port"}).size() == 2);
  }
  CHECK(life.Kinds(Event::kKeeperFailed, {ErrorCode::kInUse, "port"}) ==
        std::vector<Action>{Action::kRemoveFiles});
}

TEST_CASE("container machine: restarts back off and give up") {
  Life life(State::kRunning);
  const std::vector<milliseconds> delays{seconds(0), seconds(1),  seconds(2), seconds(4),
                                         seconds(8), seconds(16), seconds(32)};
  REQUIRE(delays.size() + 1 == ContainerMachine::kFailuresAllowed);
  for (const milliseconds delay : delays) {
    const auto actions = life.On(Event::kKeeperExited, {ErrorCode::kUnavailable, "killed"});
    REQUIRE(actions.size() == 2);
    CHECK(actions[0].state == State::kRestarting);
    CHECK(actions[0].detail == "killed");
    CHECK(actions[1].delay == delay);
    life.now += delay;
    life.On(Event::kTimerFired);
    life.On(Event::kKeeperStarted);
    // Those minutes between them that a window once forgave: they are consecutive all the same.
    life.now += ContainerMachine::kStable - seconds(1);
  }
  const auto last = life.On(Event::kKeeperExited, {ErrorCode::kUnavailable, "killed again"});
  REQUIRE(last.size() == 1);
  CHECK(last[0].state == State::kFailed);
  CHECK(last[0].detail == "killed again");
  CHECK(life.machine.State() == State::kFailed);
}

TEST_CASE("container machine: launches that take long and fail add up") {
  Life life(State::kRestarting);
  life.On(Event::kTimerFired);
  for (size_t i = 1; i < ContainerMachine::kFailuresAllowed; ++i) {
    life.now += std::chrono::hours(1);
    REQUIRE(life.Kinds(Event::kKeeperFailed, {ErrorCode::kUnavailable, "ended"}) ==
            std::vector<Action>{Action::kWriteState, Action::kStartTimer});
    life.On(Event::kTimerFired);
  }
  life.On(Event::kKeeperFailed, {ErrorCode::kUnavailable, "ended"});
  CHECK(life.machine.State() == State::kFailed);
}

TEST_CASE("container machine: failures of one that ran well in between never add up") {
  Life life(State::kRunning);
  for (int i = 0; i < 20; ++i) {
    const auto actions = life.On(Event::kKeeperExited, {ErrorCode::kUnavailable, "killed"});
    REQUIRE(actions.size() == 2);
    CHECK(actions[1].delay == milliseconds(0));
    life.On(Event::kTimerFired);
    life.On(Event::kKeeperStarted);
    life.now += ContainerMachine::kStable;
  }
}

TEST_CASE("container machine: what is the machine's fault is tried for ever, with pauses that have an end") {
  for (const ErrorCode code : {ErrorCode::kInUse, ErrorCode::kTimeout, ErrorCode::kIo,
                               ErrorCode::kUnsupported, ErrorCode::kTooMany, ErrorCode::kForbidden}) {
    Life life(State::kRunning);
    milliseconds last{0};
    for (size_t i = 0; i < 100; ++i) {
      const auto actions = life.On(i == 0 ? Event::kKeeperExited : Event::kKeeperFailed, {code, "taken"});
      REQUIRE(actions.size() == 2);
      CHECK(actions[0].state == State::kRestarting);
      CHECK(actions[0].detail == "taken");
      CHECK(actions[1].delay >= last);
      CHECK(actions[1].delay <= ContainerMachine::kLongestRestartDelay);
      last = actions[1].delay;
      REQUIRE(life.Kinds(Event::kTimerFired) == std::vector<Action>{Action::kLaunchKeeper});
    }
    CHECK(last == ContainerMachine::kLongestRestartDelay);
  }
}

TEST_CASE("container machine: removals back off up to a minute") {
  Life life(State::kDeleting);
  life.On(Event::kFoundAtStart);
  milliseconds last{0};
  for (int i = 0; i < 12; ++i) {
    const auto actions = life.On(Event::kRemovalFailed, {ErrorCode::kTimeout, "keeper does not die"});
    REQUIRE(actions.size() == 1);
    CHECK(actions[0].delay >= last);
    last = actions[0].delay;
    life.On(Event::kTimerFired);
  }
  CHECK(last == ContainerMachine::kLongestRemovalDelay);
}

TEST_CASE("container machine: from every state, whatever happens, no launch follows a deletion") {
  const std::vector<Event> all{Event::kCreated,         Event::kFoundAtStart,  Event::kKeeperStarted,
                               Event::kKeeperFailed,    Event::kKeeperExited,  Event::kKeeperAttached,
                               Event::kKeeperMissing,   Event::kKeeperUnknown, Event::kKeeperKilled,
                               Event::kFilesRemoved,    Event::kRemovalFailed, Event::kStateWritten,
                               Event::kStateNotWritten, Event::kTimerFired,    Event::kDeleteMarked,
                               Event::kClientGone,      Event::kStopMarked,    Event::kStartMarked,
                               Event::kRestartMarked,   Event::kSleepMarked,   Event::kWakeMarked};
  for (const State start : {State::kCreating, State::kRunning, State::kRestarting, State::kFailed,
                            State::kReverting, State::kStopping, State::kStopped, State::kAsleep}) {
    for (size_t i = 1; i < all.size(); ++i) {
      for (size_t j = 1; j < all.size(); ++j) {
        Life life(start);
        life.On(Event::kDeleteMarked);
        INFO("events " << i << ", " << j << " from " << ContainerStateName(start));
        for (const Event event : {all[i], all[j]}) {
          for (const Action action : life.Kinds(event)) {
            CHECK(action != Action::kLaunchKeeper);
            CHECK(action != Action::kReplyCreated);
          }
          CHECK(life.machine.State() == State::kDeleting);
        }
      }
    }
  }
}

TEST_CASE("container machine: state names go there and back") {
  for (const State state :
       {State::kCreating, State::kRunning, State::kRestarting, State::kFailed, State::kDeleting,
        State::kReverting, State::kStopping, State::kStopped, State::kAsleep}) {
    CHECK(ContainerStateFromName(ContainerStateName(state)) == state);
  }
  CHECK(ContainerStateFromName("of a later version") == State::kFailed);
}

TEST_CASE("a full disk is waited out, however long it takes") {
  Life life(State::kRunning);
  for (size_t i = 0; i < 4 * ContainerMachine::kFailuresAllowed; ++i) {
    const auto kind = i == 0 ? Event::kKeeperExited : Event::kKeeperFailed;
    const auto actions = life.On(kind, {ErrorCode::kNoSpace, "full"});
    REQUIRE(actions.size() == 2);
    CHECK(actions[0].state == State::kRestarting);
    CHECK(actions[1].delay == ContainerMachine::kNoSpaceDelay);
    CHECK(life.Kinds(Event::kTimerFired) == std::vector<Action>{Action::kLaunchKeeper});
  }
  life.On(Event::kKeeperStarted);
  CHECK(life.machine.State() == State::kRunning);
}

TEST_CASE("a poisoned volume is never started again by itself") {
  Life life(State::kRunning);
  const auto actions =
      life.On(Event::kKeeperExited, {ErrorCode::kPoisoned, "volume 'x' is poisoned: cannot sync", "Decide."});
  REQUIRE(actions.size() == 1);
  CHECK(actions[0].state == State::kFailed);
  CHECK(actions[0].detail == "volume 'x' is poisoned: cannot sync. Decide.");
  CHECK(actions[0].stays_down);

  // The next daemon knows it by what was written.
  ContainerMachine found(actions[0].state, actions[0].stays_down);
  CHECK(found.Handle({Event::kFoundAtStart}, life.now).empty());
  CHECK(found.Handle({Event::kDeleteMarked}, life.now).at(0).kind == Action::kKillKeeper);
  // Any other failure gets a new chance.
  ContainerMachine other(State::kFailed, false);
  CHECK(other.Handle({Event::kFoundAtStart}, life.now).at(0).kind == Action::kAttachKeeper);
}

TEST_CASE("a volume is poisoned by its code, whatever its hint says") {
  constexpr const char* kWords = "Look for the disk's errors in `dmesg`, then decide.";
  for (const char* hint : {kWords, "Reworded by a later build.", ""}) {
    Life poisoned(State::kRunning);
    poisoned.On(Event::kKeeperExited, {ErrorCode::kPoisoned, "x", hint});
    CHECK(poisoned.machine.State() == State::kFailed);
    Life failed_read(State::kRunning);
    failed_read.On(Event::kKeeperExited, {ErrorCode::kIo, "x", hint});
    CHECK(failed_read.machine.State() == State::kRestarting);
  }
}

TEST_CASE("a volume that could not be read this time is opened again") {
  for (const State state : {State::kRestarting, State::kReverting}) {
    Life life(state);
    life.On(state == State::kReverting ? Event::kFoundAtStart : Event::kTimerFired);
    if (state == State::kReverting) life.On(Event::kKeeperKilled);
    for (const ContainerAction& action :
         life.On(Event::kKeeperFailed, {ErrorCode::kIo, "too many open files"})) {
      CHECK_FALSE(action.stays_down);
    }
    CHECK(life.machine.State() == state);
    CHECK(life.Kinds(Event::kTimerFired) == std::vector<Action>{Action::kLaunchKeeper});
  }
}

TEST_CASE("a poisoned volume that should go back, and cannot") {
  Life life(State::kReverting);
  life.On(Event::kFoundAtStart);
  life.On(Event::kKeeperKilled);
  const auto actions = life.On(Event::kKeeperFailed, {ErrorCode::kPoisoned, "y"});
  REQUIRE_FALSE(actions.empty());
  CHECK(actions[0].state == State::kFailed);
  CHECK(actions[0].stays_down);
}

TEST_CASE("a poisoned volume at its restart, and at a create") {
  Life life(State::kRestarting);
  life.On(Event::kTimerFired);
  CHECK(life.Kinds(Event::kKeeperFailed, {ErrorCode::kPoisoned, "y", "Decide, or delete it."}) ==
        std::vector<Action>{Action::kWriteState});
  CHECK(life.machine.State() == State::kFailed);

  Life created(State::kCreating);
  created.On(Event::kCreated);
  created.On(Event::kKeeperFailed, {ErrorCode::kPoisoned, "y", "Decide, or delete it."});
  const auto replies = created.On(Event::kRowRemoved);
  REQUIRE_FALSE(replies.empty());
  CHECK(replies[0].error.message == "y");
  CHECK(replies[0].error.hint.find("delete") == std::string::npos);
}

}  // namespace
}  // namespace spawnd::daemon
