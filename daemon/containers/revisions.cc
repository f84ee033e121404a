/// Saving revisions of containers and going back to them: what Containers does beside the machine's actions.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "daemon/containers/containers.h"
#include "daemon/containers/life.h"
#include "daemon/loop/jobs.h"
#include "daemon/store/layout.h"

namespace spawnd::daemon {
namespace {

using EventKind = ContainerEvent::Kind;

std::vector<RevisionRow> RowsOf(const std::string& volume,
                                const std::vector<storage::RevisionUsage>& revisions) {
  const int64_t now = std::time(nullptr);
  std::vector<RevisionRow> rows;
  for (const storage::RevisionUsage& revision : revisions) {
    rows.push_back({revision.number, now, static_cast<int64_t>(revision.unique_bytes), volume});
  }
  return rows;
}

/// What was saved in other volumes of the container is not known to its keeper.
uint32_t NextRevision(const ContainerRow& row) {
  return row.revisions.empty() ? 1 : row.revisions.back().number + 1;
}

Result<std::vector<storage::RevisionUsage>> SaveIn(const std::string& directory, uint32_t number,
                                                   const std::stop_token& stop) {
  TRY_ASSIGN(const auto keeper, KeeperClient::Attach(directory));
  TRY_ASSIGN(auto revisions, keeper->Save(number, [&stop] { return stop.stop_requested(); }));
  if (revisions.empty()) return Fail(ErrorCode::kInternal, "the keeper names no revision");
  return revisions;
}

}  // namespace

void Containers::Save(int64_t id, uid_t caller, const Done& saved) {
  auto begun = BeginSave(id, caller, saved);
  if (!begun) saved(Fail(std::move(begun.error())));
}

Result<void> Containers::BeginSave(int64_t id, uid_t caller, const Done& saved) {
  const auto found = lives_.find(id);
  if (stopping_ || found == lives_.end()) return Fail(ErrorCode::kUnavailable, "the container is going away");
  Life& life = *found->second;
  if (life.machine.Sleeps() || life.woken) {
    const auto awake = [this, id, caller, saved](const Result<ContainerRow>& row) {
      if (!row) return saved(Fail(row.error()));
      // It is posted, because Containers is still telling this container's machine.
      uses_.mailbox.Post([this, id, caller, saved] { Save(id, caller, saved); });
    };
    return BeginStart(id, EventKind::kStartMarked, awake);
  }
  if (GoesBack(life)) {
    return Fail(ErrorCode::kInUse, "data container '" + life.row.name + "' is going back to a revision",
                "Try again when that is done.");
  }
  if (life.machine.State() != ContainerState::kRunning) {
    return Fail(ErrorCode::kUnavailable,
                "data container '" + life.row.name + "' is not running, it is " +
                    std::string(ContainerStateName(life.machine.State())) +
                    (life.row.detail.empty() ? "" : ": " + life.row.detail),
                "Only a running container can be saved. `spawnctl start data-container` starts one that is "
                "stopped or "
                "has failed.");
  }
  TRY_ASSIGN(const ContainerRow row, uses_.catalog.containers.ById(id));
  ++life.saves;
  const auto tell = [this, id, saved, volume = life.row.volume, cause = uses_.catalog.events.Cause()](
                        Result<std::vector<storage::RevisionUsage>> revisions) {
    uses_.mailbox.Post([this, id, saved, volume, cause, revisions = std::move(revisions)] {
      const auto because = uses_.catalog.events.Because(cause);
      Saved(id, volume, revisions, saved);
    });
  };
  uses_.launches.Run({.owner = {caller},
                      .work = [tell, directory = DirectoryOf(life), number = NextRevision(row)](
                                  const std::stop_token& stop) { tell(SaveIn(directory, number, stop)); },
                      .dropped = [tell](const Error& why) { tell(Fail(why)); }});
  return {};
}

void Containers::Saved(int64_t id, const std::string& volume,
                       const Result<std::vector<storage::RevisionUsage>>& revisions, const Done& saved) {
  const auto found = lives_.find(id);
  if (found != lives_.end()) --found->second->saves;
  // The revision may come all the same; the next daemon finds it.
  if (!revisions && stopping_) return saved(Fail(ErrorCode::kUnavailable, "the daemon is stopping"));
  if (!revisions) return saved(Fail(revisions.error()));
  auto noted = uses_.catalog.containers.NoteSaved(id, RowsOf(volume, *revisions));
  if (!noted) return saved(Fail(std::move(noted.error())));
  auto row = uses_.catalog.containers.ById(id);
  if (row && found != lives_.end()) SpareAfterSave(*found->second, row->revision);
  // Another save may have ended meanwhile. This one answers with its own revision, not with the row's.
  if (row) row->revision = RevisionText(revisions->back().number);
  if (row) spdlog::info("container {} ('{}') is saved as {}", id, row->name, row->revision);
  saved(std::move(row));
}

void Containers::Revert(int64_t id, uint32_t number, const Done& reverted) {
  auto begun = BeginRevert(id, number, reverted);
  if (!begun) reverted(Fail(std::move(begun.error())));
}

Result<void> Containers::BeginRevert(int64_t id, uint32_t number, const Done& reverted) {
  const auto found = lives_.find(id);
  if (stopping_ || found == lives_.end()) return Fail(ErrorCode::kUnavailable, "the container is going away");
  Life& life = *found->second;
  const ContainerState state = life.machine.State();
  const bool busy = state == ContainerState::kCreating || state == ContainerState::kReverting;
  if (busy || life.saves > 0 || GoesBack(life)) {
    return Fail(ErrorCode::kInUse,
                "data container '" + life.row.name + "' is " +
                    (busy             ? std::string(ContainerStateName(state))
                     : life.saves > 0 ? std::string("being saved")
                                      : std::string(ContainerStateName(ContainerState::kReverting))),
                "Try again when that is done.");
  }
  TRY_ASSIGN(const ContainerRow row, uses_.catalog.containers.ById(id));
  TRY(CheckRevision(row, number));
  life.reverted = reverted;
  auto begun = BeginToGoBack(life, number);
  if (!begun) life.reverted = nullptr;
  return begun;
}

bool Containers::GoesBack(const Life& life) {
  return life.taking_spare || life.awaits_spare.has_value();
}

Result<void> Containers::BeginToGoBack(Life& life, uint32_t number) {
  spdlog::info("container {} ('{}') goes back to {}", life.row.id, life.row.name, RevisionText(number));
  if (!SpareFits(life, number)) return GoBackInPlace(life, number);
  if (life.spare->ready) return TakeSpare(life, number);
  AwaitSpare(life, number);
  return {};
}

/// As BeginToGoBack, for a caller that has been waiting.
void Containers::GoBack(Life& life, uint32_t number) {
  const auto begun = SpareFits(life, number) ? TakeSpare(life, number) : GoBackInPlace(life, number);
  if (!begun) ReplyReverted(life, begun.error());
}

/// With a new server over the volume that holds the revision.
Result<void> Containers::GoBackInPlace(Life& life, uint32_t number) {
  const int64_t id = life.row.id;
  TRY(uses_.catalog.containers.BeginRevert(id, number));
  TRY_ASSIGN(const ContainerRow row, uses_.catalog.containers.ById(id));
  MoveTo(life, row.volume, false);
  DropSpare(life);
  life.row.spare = row.spare;
  life.row.revert_to = number;
  life.row.stays_down = life.row.stopped = life.row.asleep = false;
  Tell(id, {EventKind::kRevertMarked});
  return {};
}

void Containers::ReplyReverted(Life& life, const std::optional<Error>& error) {
  const Done reverted = std::exchange(life.reverted, nullptr);
  if (!reverted) return;
  if (error) return reverted(Fail(*error));
  reverted(uses_.catalog.containers.ById(life.row.id));
}

/// Writes down the revisions that a keeper names. The last daemon may have begun a save and ended before it
/// wrote it down.
void Containers::NoteRevisions(const Life& life, const std::vector<storage::RevisionUsage>& revisions) {
  if (revisions.empty()) return;
  const auto noted = uses_.catalog.containers.NoteRevisions(life.row.id, RowsOf(life.row.volume, revisions));
  if (!noted) spdlog::error("container {}: {}", life.row.id, noted.error().message);
}

}  // namespace spawnd::daemon
