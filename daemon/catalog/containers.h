/// The containers of the catalog with their revisions. A part of Catalog, which says what holds for all
/// tables: loop thread only, each call one transaction.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "daemon/catalog/rows.h"

namespace spawnd::daemon {

class Database;
class ImageTable;
class Query;

class ContainerTable {
 public:
  /// What a caller may see; empty: everything.
  using Filter = std::function<bool(const ContainerRow&)>;

  ContainerTable(Database& database, ImageTable& images) : database_(database), images_(images) {}

  /// A container in state creating. row.id 0: takes a new id in the same transaction. Returns the id. Errors:
  /// kAlreadyExists (a living container of that owner has the name), kInUse (a container has the port),
  /// kNotFound (the image is gone, being deleted or not completed).
  Result<int64_t> Insert(const ContainerRow& row);
  /// Gives a pooled one that runs to whoever asks: from here on it is `row`, in its name, owner, image
  /// reference, client, limits, lifetime, what is said of its sleep and end, and what its create took.
  /// Errors: kAlreadyExists as Insert, kNotFound when it is not one that can be given.
  Result<void> HandOver(const ContainerRow& row);
  /// As Insert, for one that is running already and whose row was lost: running.
  Result<int64_t> InsertFound(const ContainerRow& row);
  /// Any state but reverting. What it was to go back to is forgotten, and but for kStopped that it was to
  /// stay down.
  Result<void> SetState(int64_t id, ContainerState state, std::string_view detail = {});
  /// running -> stopping, to be asleep: a start of the daemon goes on with that.
  Result<void> BeginSleep(int64_t id);
  /// -> asleep, those of them that are running: none of these has a keeper any more.
  Result<void> MarkAsleep(const std::vector<int64_t>& ids);
  /// -> failed, and no start of the daemon is a new chance: it waits for a person.
  Result<void> KeepDown(int64_t id, std::string_view why);
  /// -> restarting, those of them that are running: none of these has a keeper any more.
  Result<void> MarkRestarting(const std::vector<int64_t>& ids, std::string_view why);
  /// -> running, with what its start took. Its lifetime counts from `now`.
  Result<void> Complete(int64_t id, double ready_milliseconds, const Timings& timings, int64_t now);
  /// Gives a container another port, when its own turned out to be taken by someone else. kInUse as Insert.
  Result<void> SetPort(int64_t id, uint16_t port);
  /// -> deleting. The name is free from here on; the port is when the row is removed.
  Result<void> MarkDeleting(int64_t id);
  Result<void> Remove(int64_t id);
  /// kAlreadyExists when a living container of its owner has the name.
  Result<void> Update(int64_t id, const ContainerChange& change);

  /// Adds the revisions that are not known yet.
  Result<void> NoteRevisions(int64_t id, const std::vector<RevisionRow>& revisions);
  /// Does what NoteRevisions does, and makes the last one the container's current revision.
  Result<void> NoteSaved(int64_t id, const std::vector<RevisionRow>& revisions);
  /// -> reverting, in the volume that holds the revision. From here on no start of the container may come
  /// without going back. A spare is wanted from the first time on that it goes back to where it was.
  Result<void> BeginRevert(int64_t id, uint32_t number);
  /// reverting -> running, at that revision.
  Result<void> FinishRevert(int64_t id, uint32_t number);
  /// It is in `volume`, whatever the catalog thought.
  Result<void> MoveTo(int64_t id, const std::string& volume);
  /// A running one is in `volume` from here on, whose spare was at that revision.
  Result<void> TakeSpare(int64_t id, uint32_t number, const std::string& volume);

  /// "10002" or a name, among the living that pass `filter`: the oldest. kNotFound, also of a pooled one.
  Result<ContainerRow> Find(std::string_view reference, const Filter& filter = {});
  /// Any container, also one that is being deleted. kNotFound.
  Result<ContainerRow> ById(int64_t id);
  /// By id. Those that are pooled are in no list but that of all.
  Result<std::vector<ContainerRow>> List(Rows rows = Rows::kListed);
  /// By id, without what is being deleted; 0: of any image.
  Result<std::vector<ContainerRow>> Pooled(int64_t image_id = 0);
  /// All that refer to the image, those being deleted included.
  Result<std::vector<ContainerRow>> OfImage(int64_t image_id);
  /// Ports that rows hold, those being deleted included. Sorted.
  Result<std::vector<uint16_t>> UsedPorts();
  /// The living ones whose time has come. By id. One that is being created has its whole life before it.
  Result<std::vector<int64_t>> Expired(int64_t now);

 private:
  Result<std::vector<ContainerRow>> ReadAll(Query& query);
  Result<void> ReadRevisions(ContainerRow& container);
  Result<int64_t> InsertAs(ContainerState state, const ContainerRow& row);
  /// `set` and `detail` for those of them that are running.
  Result<void> MarkRunning(const std::vector<int64_t>& ids, std::string_view set, std::string_view detail);
  Result<void> WriteState(int64_t id, ContainerState state, std::string_view detail, bool stays_down);
  /// The indexes would refuse these too, but not say it in words for the user.
  Result<void> CheckClashInTransaction(const ContainerRow& row);
  Result<void> CheckNameInTransaction(const std::string& name, uid_t owner, int64_t except_id);
  Result<void> CheckPortInTransaction(uint16_t port, int64_t except_id);
  Result<void> AddRevisionsInTransaction(int64_t id, const std::vector<RevisionRow>& revisions);

  Database& database_;
  ImageTable& images_;
};

}  // namespace spawnd::daemon
