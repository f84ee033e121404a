#include "daemon/catalog/containers.h"

#include <utility>

#include "api/image_reference.h"
#include "daemon/catalog/columns.h"
#include "daemon/catalog/database.h"
#include "daemon/catalog/images.h"

namespace spawnd::daemon {
namespace {

constexpr std::string_view kNoun = "data container";

}  // namespace

Result<void> ContainerTable::CheckPortInTransaction(uint16_t port, int64_t except_id) {
  if (port == 0) return {};
  TRY_ASSIGN(Query query, database_.Prepare("SELECT id FROM containers WHERE port = ? AND id <> ?"));
  query.Bind(int64_t{port}).Bind(except_id);
  TRY_ASSIGN(const bool taken, query.Step());
  if (!taken) return {};
  return Fail(ErrorCode::kInUse, "port " + std::to_string(port) + " belongs to another data container");
}

Result<void> ContainerTable::CheckClashInTransaction(const ContainerRow& row) {
  TRY_ASSIGN(const ImageRow image, images_.ById(row.image_id));
  if (image.state != ImageState::kCompleted) {
    return Fail(ErrorCode::kNotFound, "data image '" + image.name + "' (" + std::to_string(image.id) +
                                          ") is " + std::string(ImageStateName(image.state)));
  }
  TRY(CheckPortInTransaction(row.port, 0));
  return CheckNameInTransaction(row.name, row.owner, 0);
}

Result<void> ContainerTable::CheckNameInTransaction(const std::string& name, uid_t owner, int64_t except_id) {
  TRY_ASSIGN(Query query, database_.Prepare("SELECT 1 FROM containers WHERE name = ? AND owner = ? AND "
                                            "state <> 'deleting' AND id <> ?"));
  query.Bind(name).Bind(int64_t{owner}).Bind(except_id);
  TRY_ASSIGN(const bool taken, query.Step());
  if (!taken) return {};
  return Fail(ErrorCode::kAlreadyExists, "there is a data container '" + name + "' already",
              "Choose another name, or delete that one first.");
}

Result<int64_t> ContainerTable::Insert(const ContainerRow& row) {
  return InsertAs(ContainerState::kCreating, row);
}

Result<int64_t> ContainerTable::InsertFound(const ContainerRow& row) {
  return InsertAs(ContainerState::kRunning, row);
}

Result<int64_t> ContainerTable::InsertAs(ContainerState state, const ContainerRow& row) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(CheckClashInTransaction(row));
  ContainerRow inserted = row;
  TRY_ASSIGN(inserted.id, IdForInTransaction(database_, row.id));
  inserted.state = state;
  TRY(InsertRowInTransaction(database_, "containers", inserted));
  if (!row.pooled) TRY(images_.NoteUseInTransaction(row.image_id, row.created_at));
  TRY(transaction.Commit());
  return inserted.id;
}

Result<void> ContainerTable::HandOver(const ContainerRow& row) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(CheckNameInTransaction(row.name, row.owner, row.id));
  TRY(
      database_.Run("UPDATE containers SET name = ?, owner = ?, image_reference = ?, client = ?, limits = ?, "
                    "created_at = ?, expires_at = ?, sleep_after = ?, idle_delete = ?, spare = ?, "
                    "ready_milliseconds = ?, timings = ?, detail = '', pooled = 0, started_ahead = 1 "
                    "WHERE id = ? AND pooled = 1 AND state = 'running' AND stopped = 0 AND EXISTS "
                    "(SELECT 1 FROM images WHERE id = image_id AND state = 'completed')",
                    row.name, int64_t{row.owner}, row.image_reference, row.client, LimitsToJson(row.limits),
                    row.created_at, row.expires_at, row.sleep_after, row.idle_delete, int64_t{row.spare},
                    row.ready_milliseconds, TimingsToJson(row.timings), row.id));
  TRY(ExpectChange(database_, kNoun, row.id));
  TRY(images_.NoteUseInTransaction(row.image_id, row.created_at));
  return transaction.Commit();
}

Result<void> ContainerTable::SetState(int64_t id, ContainerState state, std::string_view detail) {
  return WriteState(id, state, detail, false);
}

Result<void> ContainerTable::KeepDown(int64_t id, std::string_view why) {
  return WriteState(id, ContainerState::kFailed, why, true);
}

/// One statement: a row that was left between two of them once made a later start go back to a revision by
/// itself.
Result<void> ContainerTable::WriteState(int64_t id, ContainerState state, std::string_view detail,
                                        bool stays_down) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  if (state == ContainerState::kStopped || state == ContainerState::kAsleep) {
    // Why it waits for a person is not forgotten over a stop.
    TRY(
        database_.Run("UPDATE containers SET stopped = 1, asleep = ?, state = 'failed', revert_to = NULL, "
                      "detail = CASE stays_down WHEN 1 THEN detail ELSE ? END WHERE id = ?",
                      int64_t{state == ContainerState::kAsleep}, detail, id));
  } else {
    const bool stops = state == ContainerState::kStopping;
    // One that was stopped and is found damaged stays stopped.
    TRY(database_.Run(
        "UPDATE containers SET state = ?, detail = ?, stays_down = ?, revert_to = NULL, asleep = 0, "
        "stopped = CASE WHEN ?3 THEN stopped ELSE ? END WHERE id = ?",
        stops ? "running" : ContainerStateName(state), detail, int64_t{stays_down}, int64_t{stops}, id));
  }
  TRY(ExpectChange(database_, kNoun, id));
  return transaction.Commit();
}

Result<void> ContainerTable::BeginSleep(int64_t id) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(
      database_.Run("UPDATE containers SET stopped = 1, asleep = 1, detail = '' "
                    "WHERE id = ? AND state = 'running' AND stopped = 0",
                    id));
  TRY(ExpectChange(database_, kNoun, id));
  return transaction.Commit();
}

Result<void> ContainerTable::MarkAsleep(const std::vector<int64_t>& ids) {
  return MarkRunning(ids, "state = 'failed', stopped = 1, asleep = 1", "");
}

Result<void> ContainerTable::MarkRestarting(const std::vector<int64_t>& ids, std::string_view why) {
  return MarkRunning(ids, "state = 'restarting'", why);
}

Result<void> ContainerTable::MarkRunning(const std::vector<int64_t>& ids, std::string_view set,
                                         std::string_view detail) {
  if (ids.empty()) return {};
  const std::string sql = "UPDATE containers SET " + std::string(set) +
                          ", detail = ? WHERE id = ? AND state = 'running' AND stopped = 0";
  Transaction transaction(database_);
  TRY(transaction.Begin());
  for (const int64_t id : ids) TRY(database_.Run(sql, detail, id));
  return transaction.Commit();
}

Result<void> ContainerTable::Complete(int64_t id, double ready_milliseconds, const Timings& timings,
                                      int64_t now) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(database_.Run(
      "UPDATE containers SET state = 'running', detail = '', ready_milliseconds = ?, timings = ?, " +
          std::string(kBeginLifetime) + " WHERE id = ?",
      ready_milliseconds, TimingsToJson(timings), now, id));
  TRY(ExpectChange(database_, kNoun, id));
  return transaction.Commit();
}

Result<void> ContainerTable::SetPort(int64_t id, uint16_t port) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(CheckPortInTransaction(port, id));
  TRY(database_.Run("UPDATE containers SET port = ? WHERE id = ?", int64_t{port}, id));
  TRY(ExpectChange(database_, kNoun, id));
  return transaction.Commit();
}

Result<void> ContainerTable::MarkDeleting(int64_t id) {
  return SetState(id, ContainerState::kDeleting);
}

Result<void> ContainerTable::Remove(int64_t id) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(database_.Run("DELETE FROM containers WHERE id = ?", id));
  TRY(ExpectChange(database_, kNoun, id));
  return transaction.Commit();
}

Result<void> ContainerTable::Update(int64_t id, const ContainerChange& change) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  if (!change.name.empty() || change.owner) {
    TRY_ASSIGN(const ContainerRow container, ById(id));
    const std::string& name = change.name.empty() ? container.name : change.name;
    const uid_t owner = change.owner.value_or(container.owner);
    TRY(CheckNameInTransaction(name, owner, id));
    TRY(database_.Run("UPDATE containers SET name = ?, owner = ? WHERE id = ?", name, int64_t{owner}, id));
    TRY(ExpectChange(database_, kNoun, id));
  }
  if (change.expires_at) {
    // Whoever says how long it lives has unbound it from its client.
    TRY(database_.Run("UPDATE containers SET expires_at = ?, client = '' WHERE id = ?", *change.expires_at,
                      id));
    TRY(ExpectChange(database_, kNoun, id));
  }
  if (change.sleep_after || change.idle_delete) {
    TRY(
        database_.Run("UPDATE containers SET sleep_after = coalesce(?, sleep_after), "
                      "idle_delete = coalesce(?, idle_delete) WHERE id = ?",
                      change.sleep_after, change.idle_delete, id));
    TRY(ExpectChange(database_, kNoun, id));
  }
  return transaction.Commit();
}

Result<std::vector<ContainerRow>> ContainerTable::ReadAll(Query& query) {
  TRY_ASSIGN(auto containers, ReadRows<ContainerRow>(query));
  for (ContainerRow& container : containers) {
    TRY(ReadRevisions(container));
    if (!container.stopped) continue;
    // As the first schema knew no such states, its table has them as a column beside those it knew.
    const bool ended = container.state == ContainerState::kFailed;
    container.state = !ended             ? ContainerState::kStopping
                      : container.asleep ? ContainerState::kAsleep
                                         : ContainerState::kStopped;
  }
  return containers;
}

Result<ContainerRow> ContainerTable::Find(std::string_view reference, const Filter& filter) {
  TRY_ASSIGN(Query query,
             SelectRows<ContainerRow>(database_,
                                      "FROM containers WHERE (id = ? OR name = ?) AND state <> 'deleting' "
                                      "AND pooled = 0 ORDER BY id"));
  query.Bind(api::IdOf(reference)).Bind(reference);
  TRY_ASSIGN(auto containers, ReadAll(query));
  for (ContainerRow& container : containers) {
    if (!filter || filter(container)) return std::move(container);
  }
  return Fail(ErrorCode::kNotFound, "no data container '" + std::string(reference) + "'",
              "'spawnctl get data-containers' lists what there is.");
}

Result<ContainerRow> ContainerTable::ById(int64_t id) {
  TRY_ASSIGN(Query query, SelectRows<ContainerRow>(database_, "FROM containers WHERE id = ?"));
  query.Bind(id);
  TRY_ASSIGN(auto containers, ReadAll(query));
  if (containers.empty()) {
    return Fail(ErrorCode::kNotFound, "no data container '" + std::to_string(id) + "'");
  }
  return std::move(containers.front());
}

Result<std::vector<ContainerRow>> ContainerTable::List(Rows rows) {
  TRY_ASSIGN(Query query,
             SelectRows<ContainerRow>(
                 database_, "FROM containers WHERE ?1 OR (state <> 'deleting' AND pooled = 0) ORDER BY id"));
  query.Bind(int64_t{rows == Rows::kAll});
  return ReadAll(query);
}

Result<std::vector<ContainerRow>> ContainerTable::Pooled(int64_t image_id) {
  TRY_ASSIGN(Query query,
             SelectRows<ContainerRow>(database_,
                                      "FROM containers WHERE pooled = 1 AND (?1 = 0 OR image_id = ?1) AND "
                                      "state <> 'deleting' ORDER BY id"));
  query.Bind(image_id);
  return ReadAll(query);
}

Result<std::vector<ContainerRow>> ContainerTable::OfImage(int64_t image_id) {
  TRY_ASSIGN(Query query,
             SelectRows<ContainerRow>(database_, "FROM containers WHERE image_id = ? ORDER BY id"));
  query.Bind(image_id);
  return ReadAll(query);
}

Result<std::vector<uint16_t>> ContainerTable::UsedPorts() {
  TRY_ASSIGN(const auto numbers,
             Numbers(database_, "SELECT port FROM containers WHERE port <> ? ORDER BY port", 0));
  return std::vector<uint16_t>(numbers.begin(), numbers.end());
}

Result<std::vector<int64_t>> ContainerTable::Expired(int64_t now) {
  return Numbers(database_,
                 "SELECT id FROM containers WHERE expires_at > 0 AND expires_at <= ? AND state NOT IN "
                 "('creating', 'deleting') ORDER BY id",
                 now);
}

}  // namespace spawnd::daemon
