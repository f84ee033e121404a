/// The life of one container as a passive state machine: it is told what happened and says what to do next.
/// No I/O, no clock, no threads of its own; daemon/containers/containers.h carries its actions out, on the
/// loop thread.
///
/// Crash rule: a state is in the catalog before the action that it allows, so that a daemon that was killed
/// anywhere finds in the row what may be left over (see kFoundAtStart). Actions are carried out in the order
/// given; those that follow a kWriteState wait until the catalog has answered.
///
///   creating ──started──> running ──exited──> restarting ──started──> running
///      │ failed              │                    │ kFailuresAllowed failures within kFailureWindow
///      v                     v deleted            v
///   (removed)             deleting             failed
///
/// Two failures are not counted: a full disk, which is tried again for ever, and a poisoned volume, which is
/// never tried again: a start would quietly go back to its last commit, and that a person has to decide
/// (docs/durability.md, "A failed sync is final").
///   running, restarting, failed ──revert asked──> reverting ──started, gone back──> running
///                                                     │ kFailuresAllowed failures, or a damaged revision
///                                                     v
///                                                  failed
///
/// In reverting every launch goes back first, and a keeper of unknown origin is killed: going back twice does
/// no harm, since the caller has not been answered yet.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "daemon/catalog/rows.h"

namespace spawnd::daemon {

struct ContainerEvent {
  enum class Kind {
    kCreated,          ///< the row (creating) is in the catalog and a caller waits for the answer
    kFoundAtStart,     ///< the daemon has started and found the row
    kKeeperStarted,    ///< the launch succeeded, the engine answers
    kKeeperFailed,     ///< the launch failed with `error`; nothing of that keeper is left
    kKeeperAttached,   ///< a keeper from before the daemon's start answers
    kKeeperMissing,    ///< there is none
    kKeeperUnknown,    ///< whether there is one could not be found out, `error` says why
    kKeeperExited,     ///< a keeper that ran has ended; `error` has its last words
    kKeeperKilled,     ///< no keeper is left
    kFilesRemoved,     ///< the container's directory is gone
    kRowRemoved,       ///< the catalog has forgotten it
    kRemovalFailed,    ///< one of the last three did not work, `error` says why
    kStateWritten,     ///< the catalog holds the state of the last kWriteState
    kStateNotWritten,  ///< it does not
    kTimerFired,
    kDeleteMarked,  ///< the row says deleting
    kRevertMarked,  ///< the row says reverting, and a caller waits for the answer
    kClientGone,    ///< nobody waits for the create any more
  };
  Kind kind;
  Error error{ErrorCode::kInternal, ""};
};

struct ContainerAction {
  enum class Kind {
    kLaunchKeeper,  ///< answers kKeeperStarted or kKeeperFailed
    kCancelLaunch,  ///< asks a launch in flight to give up; it still answers as above
    kAttachKeeper,  ///< answers kKeeperAttached, kKeeperMissing or kKeeperUnknown
    kKillKeeper,    ///< answers kKeeperKilled or kRemovalFailed; no keeper there is fine
    kChangePort,    ///< another free port, in the catalog too; before a further launch
    kWriteState,    ///< `state`, `detail`, `stays_down` into the catalog; answers kStateWritten or
                    ///< kStateNotWritten
    kRemoveFiles,   ///< answers kFilesRemoved or kRemovalFailed
    kRemoveRow,     ///< answers kRowRemoved or kRemovalFailed
    kReplyCreated,
    kReplyFailed,       ///< with `error`
    kReplyReverted,     ///< to who asked to go back
    kReplyNotReverted,  ///< with `error`
    kStartTimer,        ///< `delay`, then kTimerFired
    kForget,            ///< the machine is at its end: drop it and give the port back
  };
  Kind kind;
  ContainerState state = ContainerState::kCreating;
  std::string detail{};
  bool stays_down = false;  ///< of a kWriteState: not to be started again until a person decides
  Error error{ErrorCode::kInternal, ""};
  std::chrono::milliseconds delay{0};
};

class ContainerMachine {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Failures (launches that failed, keepers that ended) within the window after which it stays down.
  static constexpr size_t kFailuresAllowed = 5;
  static constexpr std::chrono::seconds kFailureWindow{60};
  /// Launches of one create, each on a port of its own, when the port was taken under its feet.
  static constexpr int kPortAttempts = 5;
  static constexpr std::chrono::seconds kLongestRemovalDelay{60};

  /// Between tries to find out whether a keeper from before the daemon's start is there. It goes on for ever:
  /// a second one beside it would write into the same volume.
  static constexpr std::chrono::seconds kAttachDelay{1};
  /// Between tries to start what found no room on the disk. It goes on for ever: room comes back.
  static constexpr std::chrono::seconds kNoSpaceDelay{5};

  /// `state`: what the catalog says. `stays_down`: it failed in a way that waits for a person.
  explicit ContainerMachine(ContainerState state, bool stays_down = false)
      : state_(state), stays_down_(stays_down) {}

  ContainerState State() const { return state_; }
  std::vector<ContainerAction> Handle(const ContainerEvent& event, Time now);

 private:
  using Actions = std::vector<ContainerAction>;

  Actions OnFoundAtStart();
  Actions OnKeeperStarted();
  Actions OnKeeperAttached();
  Actions OnKeeperMissing();
  Actions OnKeeperUnknown();
  Actions OnKeeperFailed(const Error& error, Time now);
  Actions OnStateWritten();
  Actions OnKeeperKilled();
  Actions OnStateNotWritten(const Error& error, Time now);
  Actions OnRemovalFailed();
  Actions OnRowRemoved();
  Actions OnTimer();
  Actions OnDeleteMarked();
  Actions OnRevertMarked();
  Actions OnClientGone();

  Actions Launch();
  /// From here on the container only goes away. `reason` is what a waiting creator is told.
  Actions StartRemoval(Error reason);
  Actions CountFailure(const Error& error, Time now);
  Actions CountRevertFailure(const Error& error, Time now);
  Actions Kill();
  /// Notes a failure; true when there were too many.
  bool TooManyFailures(Time now);
  void ReplyNotReverted(Actions& actions, Error error);

  ContainerState state_;
  bool stays_down_;
  bool launching_ = false;       ///< a kLaunchKeeper has not answered yet
  bool killing_ = false;         ///< a kKillKeeper has not answered yet
  bool launch_reverts_ = false;  ///< the last launch goes back first
  bool revert_waits_ = false;    ///< somebody waits for having gone back
  bool caller_waits_ = false;    ///< the create has not been answered yet
  bool attach_waits_ = false;    ///< the next try to find its keeper starts when the timer fires
  bool removal_waits_ = false;   ///< in kDeleting: the next try starts when the timer fires
  int removal_failures_ = 0;
  int launches_ = 0;
  std::optional<Error> create_error_;
  std::deque<Time> failures_;
};

}  // namespace spawnd::daemon
