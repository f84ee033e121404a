/// All living containers: carries out what their machines say (daemon/machine/machine.h), with keepers on
/// job threads, and tells them what happened.
///
/// Loop thread only. Nothing here survives the process; Adopt makes it again from the catalog's rows.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/catalog/catalog.h"
#include "daemon/containers/doors.h"
#include "daemon/containers/outdated.h"
#include "daemon/keeper/client.h"
#include "daemon/machine/machine.h"

typedef struct uv_loop_s uv_loop_t;

namespace spawnd::daemon {

class ControlGroups;
class Installations;
class Jobs;
class Mailbox;
class Metrics;
class Ports;
class SpaceReserve;
class StoreLayout;
struct ContainerLife;
enum class LinkMode;
struct EngineHost;
struct HeldRevision;
struct JobQueued;

/// What there is to know of one for whoever puts containers to sleep.
struct Idler {
  int64_t id = 0;
  std::string name;
  std::string engine;
  std::string directory;  ///< of its keeper
  uint16_t port = 0;
  bool runs = false;        ///< and nothing is under way with it
  bool pooled = false;      ///< nobody's
  int64_t sleep_after = 0;  ///< seconds; 0: never
  int64_t idle_delete = 0;  ///< the same
  uint64_t arrivals = 0;    ///< connections that have come to its door, ever
};

class Containers {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// On the loop thread, once, with the row as it is then.
  using Done = std::function<void(Result<ContainerRow>)>;
  /// At once, when a launch has to wait in line.
  using Queued = std::function<void(const JobQueued&)>;

  /// What it works with, all of which outlives it.
  struct Uses {
    Catalog& catalog;
    const StoreLayout& layout;
    SpaceReserve& reserve;
    const EngineHost& engine_host;
    const ControlGroups& groups;
    Ports& ports;
    Installations& installations;
    KeeperLauncher& launcher;
    uv_loop_t* loop;
    Mailbox& mailbox;
    Jobs& launches;    ///< what somebody waits for
    Jobs& recoveries;  ///< what nobody waits for, a few at a time
    Jobs& removals;
    /// The last trace of a container is gone, and with it a use of its image.
    std::function<void(int64_t image_id)> container_gone;
    Metrics& metrics;
    /// Whether the machine has room for one more second server of a container; not set: it has.
    std::function<bool()> room_for_spare{};
    /// A container is in another volume from now on, and the words of its server are in another log: those of
    /// a new server from the beginning (`is_new`), or what comes from now on.
    std::function<void(const std::string& from, const std::string& to, bool is_new)> log_moved{};
  };

  /// `kept`: of the doors of its rows, what was kept over the restart.
  explicit Containers(Uses uses, KeptDoors kept = {});
  Containers(const Containers&) = delete;
  Containers& operator=(const Containers&) = delete;
  ~Containers();

  /// Brings a container to life whose row (creating) has just been inserted. `created` is called once, on the
  /// loop thread, when its first query would succeed, or when nothing of it is left. `received` is when the
  /// request came, `catalog_milliseconds` what inserting took.
  void Create(const ContainerRow& row, const ImageRow& image, Time received, double catalog_milliseconds,
              Queued queued, Done created);
  /// Gives one that waits in a pool to whoever asks, by one transaction of the catalog: from here on it is
  /// `wanted` in all that ContainerTable::HandOver names. Errors: as that, and kUnavailable when it does not
  /// run at this moment.
  Result<ContainerRow> HandOver(const ContainerRow& wanted);
  /// Nobody waits for this create any more. Does nothing for one that is past it.
  void ClientGone(int64_t id);
  /// Nobody has heard of the outcome of this create: deletes what there is of it.
  void TakeBack(int64_t id);
  /// Takes over the rows of the last daemon: attaches to their keepers, restarts them, or finishes their
  /// removal. Those that come first are restarted first. Blocks for one write of the catalog.
  Result<void> Adopt(std::vector<ContainerRow> rows);
  /// Saves the next revision of a running container and answers with the container. kUnavailable when it does
  /// not run.
  void Save(int64_t id, uid_t caller, const Done& saved);
  /// Back to revision `number` of it, 0: to its image; answers when new connections work. Errors: kNotFound
  /// (no such revision), kInUse (something else is under way), and what its engine says.
  void Revert(int64_t id, uint32_t number, const Done& reverted);
  /// Ends its engine in order, commits everything and answers when no process of it is left. It stays
  /// stopped, over restarts of the daemon and of the machine, until Start or Revert. Errors: kInUse (being
  /// created, going back), kCancelled (something else was asked of it meanwhile).
  void Stop(int64_t id, const Done& stopped);
  /// Brings a stopped or a failed one back and answers when its first query would succeed, or when the first
  /// try has failed: unless it stays down, there will be others.
  void Start(int64_t id, const Done& started);
  /// A new engine for a running one; as Start for any other.
  void Restart(int64_t id, const Done& restarted);
  /// Marks it deleting in the catalog; the rest happens behind. Its name is free when this returns.
  Result<void> Delete(int64_t id);
  /// How many that user has; those on their way out do not count.
  size_t CountOf(uid_t owner) const;
  /// Takes over what somebody has changed in the row: its name, owner, when it sleeps and goes.
  void Updated(const ContainerRow& row);
  /// The same for the containers of an image.
  void ImageUpdated(const ImageRow& image);
  /// All but those that are being made, go back or go away.
  std::vector<Idler> Idlers() const;
  /// Stops one that runs and that nobody is connected to, until somebody connects or asks for it. False when
  /// that is not to be now.
  bool Sleep(int64_t id);
  /// Somebody has connected to one that sleeps.
  void Wake(int64_t id);
  /// Why one that nobody is connected to does not sleep: `get` says so.
  void NoteAwake(int64_t id, const std::string& why);
  /// Those whose use of memory has a limit that holds, while they have a keeper, and their groups' names.
  std::vector<std::pair<int64_t, std::string>> Limited() const;
  /// How many processes of one the kernel has killed for want of memory, and that in words.
  void NoteKills(int64_t id, int64_t kills, const std::string& why);
  /// What its keeper says of it; nothing while it has none.
  std::optional<api::Confinement> ConfinementOf(int64_t id) const;
  /// Begins to make a spare, if the container is to have one, has none and may. Also when it is not sure that
  /// anything has changed.
  void ConsiderSpare(int64_t id);
  /// "ready", "starting", or empty: it has none.
  std::string SpareOf(int64_t id) const;
  /// Why it has none and will have none at this revision, in words; empty: there is no such reason.
  std::string WhyNoSpareOf(int64_t id) const;
  /// The control group of its spare; empty: it has none.
  std::string GroupOfSpare(int64_t id) const;
  /// Those that have one, from the one whose spare was used or made the longest ago.
  std::vector<int64_t> WithSpare() const;
  /// Ends its spare, if it has one, and makes none for a while: the room is needed otherwise.
  void GiveUpSpare(int64_t id);
  /// How far the start of its engine is, in a sentence; empty for one that does not take long.
  std::string StartingOf(int64_t id) const;
  /// The same of what it was started with.
  std::optional<WhatRuns> WhatRunsOf(int64_t id) const;
  /// The daemon stops, and its containers do not: callers that still wait are told so, and whatever happens
  /// from here on is left to the next start, which finds it in the catalog.
  void StopAll();
  /// Its door, for what else lets clients in to it; none: it has none.
  std::shared_ptr<const Door> DoorOf(int64_t id) const { return doors_.Of(id); }

 private:
  using Life = ContainerLife;

  void Tell(int64_t id, ContainerEvent event);
  /// Calls Tell on the loop thread; for job threads.
  std::function<void(ContainerEvent)> Teller(int64_t id);

  /// False when the actions after this one must not be carried out: an event said why.
  bool CarryOut(Life& life, const ContainerAction& action);
  void CarryOutReply(Life& life, const ContainerAction& action);
  void LaunchKeeper(Life& life);
  void AttachKeeper(Life& life);
  void KillKeeper(Life& life);
  void RemoveFiles(Life& life);
  void RemoveRow(Life& life, const Error& why);
  bool ChangePort(Life& life);
  void WriteState(Life& life, const ContainerAction& action);
  void ReplyCreated(Life& life);
  void StartTimer(Life& life, std::chrono::milliseconds delay);
  void Forget(int64_t id);

  Error Judge(Error error, const KeeperSpec& spec, bool is_create) const;
  /// door.cc
  Result<std::shared_ptr<const Door>> OpenDoor(const Life& life);
  void PresentDoor(const Life& life);
  void TurnAway(const Life& life, const std::string& words);
  void AwaitArrival(const Life& life);
  /// links.cc
  void Launched(int64_t id, UniqueFd connection, const daemon::KeeperStarted& started);
  void MakeLink(Life& life, UniqueFd connection, LinkMode mode);
  void KeeperSays(int64_t id);
  void AskForDoor(const Life& life, const daemon::KeeperStarted& started);
  void KeeperReplied(Life& life, const daemon::KeeperStarted& started);
  void KeeperStarted(int64_t id, const daemon::KeeperStarted& started);
  void KeeperEnded(Life& life, Error error);
  void GiveUpStart(Life& life, Error why);
  void EngineSays(int64_t id, const std::string& words);
  EventCause WhatTheKernelDid(const Life& life) const;
  void NoteConfinement(Life& life, const daemon::KeeperStarted& started);
  /// stops.cc
  Result<void> BeginStop(int64_t id, const Done& stopped);
  Result<void> BeginStart(int64_t id, ContainerEvent::Kind marked, const Done& started);
  Result<void> MarkRestarting(Life& life);
  void StopKeeper(Life& life);
  void ReplyToWaiters(Life& life, std::vector<Done> Life::*waiters, const std::optional<Error>& error);
  /// revisions.cc
  Result<void> BeginSave(int64_t id, uid_t caller, const Done& saved);
  Result<void> BeginRevert(int64_t id, uint32_t number, const Done& reverted);
  void Saved(int64_t id, const std::string& volume,
             const Result<std::vector<storage::RevisionUsage>>& revisions, const Done& saved);
  void NoteRevisions(const Life& life, const std::vector<storage::RevisionUsage>& revisions);
  void ReplyReverted(Life& life, const std::optional<Error>& error);
  static bool GoesBack(const Life& life);
  Result<void> BeginToGoBack(Life& life, uint32_t number);
  void GoBack(Life& life, uint32_t number);
  Result<void> GoBackInPlace(Life& life, uint32_t number);
  /// spares.cc
  bool MayHaveSpare(const Life& life) const;
  bool SpareFits(const Life& life, uint32_t number) const;
  void LaunchSpare(const Life& life, KeeperSpec spec, HeldRevision on);
  void SpareReady(int64_t id, const std::string& volume, UniqueFd connection,
                  const daemon::KeeperStarted& started);
  void SpareFailed(int64_t id, const std::string& volume, const Error& why);
  void SpareSays(int64_t id);
  void SpareAfterState(Life& life, bool went_back);
  void SpareAfterSave(Life& life, const std::string& revision);
  void MoveTo(Life& life, const std::string& volume, bool is_new);
  static void HaveNoSpareOf(Life& life, uint32_t number, const Error& why);
  void TryAgainForSpare(Life& life);
  void AwaitSpare(Life& life, uint32_t number);
  void GoBackWithoutSpare(int64_t id);
  Result<void> TakeSpare(Life& life, uint32_t number);
  void LetIn(const Life& life);
  void SpareTaken(int64_t id, uint32_t number, const Result<void>& switched);
  void DropSpare(Life& life);
  void LeaveOtherVolumes(const Life& life);
  KeeperSpec SpecOf(const Life& life) const;
  /// Of the volume that it is in, and of its keeper.
  std::string DirectoryOf(const Life& life) const;

  const Uses uses_;
  Doors doors_;
  std::map<int64_t, std::unique_ptr<Life>> lives_;
  std::set<std::string> said_missing_;  ///< each once
  bool stopping_ = false;
};

}  // namespace spawnd::daemon
