/// The life of one container as a passive state machine: it is told what happened and says what to do next.
/// No I/O, no clock, no threads of its own; daemon/containers/containers.h carries its actions out, on the
/// loop thread.
///
/// Crash rule: a state is in the catalog before the action that it allows, so that a daemon that was killed
/// anywhere finds in the row what may be left over (see kFoundAtStart). Actions are carried out in the order
/// given; those that follow a kWriteState wait until the catalog has answered.
///
///   creating ──started──> running ──exited──> restarting ──started──> running
///      │ failed              │                    │ kFailuresAllowed failures of its own, one after the
///      other v                     v deleted            v
///   (removed)             deleting             failed
///
///   running, restarting, failed ──stop asked──> stopping ──keeper gone──> stopped
///   stopping, stopped, failed ──start asked──> restarting
///
///   running ──nobody is connected──> stopping ──keeper gone──> asleep ──somebody connects──> restarting
///   stopping, to be asleep ──somebody connects, start asked──> restarting
///   asleep ──start, save asked──> restarting; ──stop asked──> stopped; ──revert asked──> reverting
///
/// It is tried again with growing pauses. What is the machine's fault (no room, its port taken, its engine
/// not installed at the moment) is tried again for ever: the machine gets well, and nothing else would bring
/// the container back. A poisoned volume is never tried again: a start would quietly go back to its last
/// commit, and that a person has to decide (docs/durability.md, "A failed sync is final").
///
///   running, restarting, failed ──revert asked──> reverting ──started, gone back──> running
///                                                     │ kFailuresAllowed failures, or a damaged revision
///                                                     v
///                                                  failed
///
/// In reverting every launch goes back first, and a keeper of unknown origin is killed: going back twice does
/// no harm, since the caller has not been answered yet.
#pragma once

#include <chrono>
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
    kKeeperStarting,   ///< the same, and its engine still starts: kKeeperStarted or kKeeperFailed follows
    kKeeperMissing,    ///< there is none
    kKeeperUnknown,    ///< whether there is one could not be found out, `error` says why
    kKeeperExited,     ///< a keeper that ran has ended; `error` has its last words
    kKeeperKilled,     ///< no keeper is left; `error` says what was not in order about a stop
    kFilesRemoved,     ///< the container's directory is gone
    kRowRemoved,       ///< the catalog has forgotten it
    kRemovalFailed,    ///< one of the last three did not work, `error` says why
    kStateWritten,     ///< the catalog holds the state of the last kWriteState
    kStateNotWritten,  ///< it does not
    kTimerFired,
    kDeleteMarked,   ///< the row says deleting
    kRevertMarked,   ///< the row says reverting, and a caller waits for the answer
    kStopMarked,     ///< the row says stopping, or failed; somebody waits for the answer
    kStartMarked,    ///< unless it runs, the row says restarting; somebody waits for the answer
    kRestartMarked,  ///< the row says restarting, and its engine is to be another one
    kSleepMarked,    ///< the row says stopping, to be asleep
    kWakeMarked,     ///< the row says restarting: somebody has connected
    kClientGone,     ///< nobody waits for the create any more
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
    kStopKeeper,    ///< the same in order: its engine is stopped cleanly, and everything committed
    kHurryStop,     ///< a kStopKeeper in flight is to kill instead; it still answers as above
    kHurryLaunch,   ///< a launch that waits in line is to be asked for anew: somebody waits for it now
    kChangePort,    ///< another free port, in the catalog too; before a further launch
    kWriteState,    ///< `state`, `detail`, `stays_down` into the catalog; answers kStateWritten or
                    ///< kStateNotWritten
    kRemoveFiles,   ///< answers kFilesRemoved or kRemovalFailed
    kRemoveRow,     ///< answers kRowRemoved or kRemovalFailed; `error`: why a create has failed
    kReplyCreated,
    kReplyFailed,       ///< with `error`
    kReplyReverted,     ///< to who asked to go back
    kReplyNotReverted,  ///< with `error`
    kReplyStarted,      ///< to all who asked to start it; with what follows they wait no more
    kReplyNotStarted,   ///< with `error`; it may be tried again all the same
    kReplyStopped,      ///< to all who asked to stop it
    kReplyNotStopped,   ///< with `error`
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

  /// Failures of its own (launches that failed, keepers that ended), one after the other, after which it
  /// stays down. One that ran for kStable has no failures behind it.
  static constexpr size_t kFailuresAllowed = 8;
  static constexpr std::chrono::minutes kStable{10};
  static constexpr std::chrono::seconds kLongestRestartDelay{300};
  /// After which who waits for having gone back is told, although it is tried again.
  static constexpr size_t kFailuresBeforeAnswer = 5;
  /// Launches of one create, each on a port of its own, when the port was taken under its feet.
  static constexpr int kPortAttempts = 5;
  static constexpr std::chrono::seconds kLongestRemovalDelay{60};

  /// Between tries to find out whether a keeper from before the daemon's start is there. It goes on for ever:
  /// a second one beside it would write into the same volume.
  static constexpr std::chrono::seconds kAttachDelay{1};
  /// Between tries to start what found no room on the disk. It goes on for ever: room comes back.
  static constexpr std::chrono::seconds kNoSpaceDelay{5};

  /// `state`: what the catalog says. `stays_down`: it failed in a way that waits for a person. `asleep`: what
  /// it says beside kStopping and kAsleep.
  explicit ContainerMachine(ContainerState state, bool stays_down = false, bool asleep = false)
      : state_(state), stays_down_(stays_down), falls_asleep_(asleep && state == ContainerState::kStopping) {}

  ContainerState State() const { return state_; }
  /// It is being created, goes back or goes away: it cannot be stopped now.
  bool IsBusy() const;
  /// It runs, nothing is under way or unknown about its keeper, and nobody has still to be told that it runs.
  bool MaySleep() const;
  /// It is asleep, or on its way there: whoever connects wakes it.
  bool Sleeps() const;
  std::vector<ContainerAction> Handle(const ContainerEvent& event, Time now);

 private:
  using Actions = std::vector<ContainerAction>;

  Actions OnFoundAtStart();
  Actions OnKeeperStarted(Time now);
  Actions OnKeeperAttached(Time now);
  Actions OnKeeperStarting();
  Actions OnKeeperMissing();
  Actions OnKeeperUnknown();
  Actions OnKeeperFailed(const Error& error);
  Actions OnKeeperExited(const Error& error, Time now);
  Actions OnStateWritten();
  Actions OnKeeperKilled(const Error& how);
  Actions OnStateNotWritten(const Error& error);
  Actions OnRemovalFailed();
  Actions OnRowRemoved();
  Actions OnTimer();
  Actions OnWish(ContainerEvent::Kind wish);
  Actions OnDeleteMarked();
  Actions OnRevertMarked();
  Actions OnStopMarked();
  Actions OnStartMarked();
  Actions OnRestartMarked();
  Actions OnSleepMarked();
  Actions OnClientGone();

  Actions Launch();
  /// It is to run, and does not.
  Actions Begin();
  /// Whether what was found out about its keeper still counts.
  bool AttachAnswers();
  /// From here on the container only goes away. `reason` is what a waiting creator is told.
  Actions StartRemoval(Error reason);
  Actions CountFailure(const Error& error);
  Actions CountRevertFailure(const Error& error);
  Actions Kill();
  Actions Stop();
  /// What is in flight and could be waited for in vain gives up; with nothing in flight, `otherwise` begins.
  Actions GiveUpFlight(Actions otherwise);
  /// Notes a failure; true when there were too many.
  bool TooManyFailures(const Error& error);
  void ReplyNotReverted(Actions& actions, Error error);
  void ReplyNotStarted(Actions& actions, Error error);
  void ReplyNotStopped(Actions& actions, Error error);

  ContainerState state_;
  bool stays_down_;
  bool falls_asleep_;            ///< with kStopping: what comes of that is sleep
  bool launching_ = false;       ///< a kLaunchKeeper has not answered yet
  bool killing_ = false;         ///< a kKillKeeper or kStopKeeper has not answered yet
  bool stop_is_tidy_ = false;    ///< that is a kStopKeeper, and was not told to hurry
  bool attaching_ = false;       ///< the answer of a kAttachKeeper is still to come, and counts
  bool launch_reverts_ = false;  ///< the last launch goes back first
  bool revert_waits_ = false;    ///< somebody waits for having gone back
  bool caller_waits_ = false;    ///< the create has not been answered yet
  bool attach_waits_ = false;    ///< the next try to find its keeper starts when the timer fires
  bool removal_waits_ = false;   ///< a keeper did not end: the next try starts when the timer fires
  bool start_waits_ = false;     ///< somebody waits for its start
  bool stop_waits_ = false;      ///< somebody waits for its stop
  int removal_failures_ = 0;
  int launches_ = 0;
  std::optional<Error> create_error_;
  size_t failures_ = 0;      ///< one after the other
  size_t own_failures_ = 0;  ///< those of them that are not the machine's fault
  Time started_at_{};        ///< when it began to run, as far as this daemon knows
};

}  // namespace spawnd::daemon
