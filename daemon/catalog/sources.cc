#include "daemon/catalog/sources.h"

#include <utility>

#include "api/image_reference.h"
#include "daemon/catalog/columns.h"
#include "daemon/catalog/database.h"
#include "daemon/catalog/events.h"

namespace spawnd::daemon {
namespace {

constexpr std::string_view kNoun = "data source";

}  // namespace

Result<void> SourceTable::CheckNameInTransaction(const std::string& name, uid_t owner, int64_t except_id) {
  TRY_ASSIGN(Query query, database_.Prepare("SELECT 1 FROM sources WHERE name = ? AND owner = ? AND "
                                            "deleting = 0 AND id <> ?"));
  query.Bind(name).Bind(int64_t{owner}).Bind(except_id);
  TRY_ASSIGN(const bool taken, query.Step());
  if (!taken) return {};
  return Fail(ErrorCode::kAlreadyExists, "there is a data source '" + name + "' already",
              "`spawnctl create data-image --source " + name +
                  "` makes an image of it now; choose another name, or delete that one first.");
}

Result<int64_t> SourceTable::Insert(const SourceRow& row) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(CheckNameInTransaction(row.name, row.owner, 0));
  SourceRow source = row;
  TRY_ASSIGN(source.id, IdForInTransaction(database_, row.id));
  TRY(InsertRowInTransaction(database_, "sources", source));
  TRY(events_.TellOfSourceInTransaction(source, "created", ""));
  TRY(transaction.Commit());
  return source.id;
}

Result<SourceRow> SourceTable::Find(std::string_view reference, const Filter& filter) {
  TRY_ASSIGN(Query query,
             SelectRows<SourceRow>(database_,
                                   "FROM sources WHERE (id = ? OR name = ?) AND deleting = 0 ORDER BY id"));
  query.Bind(api::IdOf(reference)).Bind(reference);
  TRY_ASSIGN(auto sources, ReadRows<SourceRow>(query));
  for (SourceRow& source : sources) {
    if (!filter || filter(source)) return std::move(source);
  }
  return Fail(ErrorCode::kNotFound, "no data source '" + std::string(reference) + "'",
              "'spawnctl get data-sources' lists what there is.");
}

Result<SourceRow> SourceTable::ById(int64_t id) {
  TRY_ASSIGN(Query query, SelectRows<SourceRow>(database_, "FROM sources WHERE id = ?"));
  query.Bind(id);
  TRY_ASSIGN(auto sources, ReadRows<SourceRow>(query));
  if (sources.empty()) return Fail(ErrorCode::kNotFound, "no data source '" + std::to_string(id) + "'");
  return std::move(sources.front());
}

Result<std::vector<SourceRow>> SourceTable::List(Rows rows) {
  TRY_ASSIGN(Query query,
             SelectRows<SourceRow>(database_, "FROM sources WHERE ?1 OR deleting = 0 ORDER BY id"));
  query.Bind(int64_t{rows == Rows::kAll});
  return ReadRows<SourceRow>(query);
}

Result<void> SourceTable::Update(int64_t id, const SourceChange& change, int64_t next_run) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY_ASSIGN(const SourceRow before, ById(id));
  if (!change.name.empty()) TRY(CheckNameInTransaction(change.name, before.owner, id));
  TRY(database_.Run(
      "UPDATE sources SET name = coalesce(nullif(?, ''), name), schedule = coalesce(?, schedule), "
      "keep = coalesce(?, keep), next_run = ? WHERE id = ?",
      change.name, change.schedule.value_or(before.schedule), change.keep, next_run, id));
  if (!change.definition.empty()) {
    TRY(database_.Run("UPDATE sources SET definition = ?, folder = ? WHERE id = ?", change.definition,
                      change.folder, id));
  }
  TRY_ASSIGN(const SourceRow after, ById(id));
  TRY(events_.TellOfSourceInTransaction(after, "updated", ""));
  return transaction.Commit();
}

Result<void> SourceTable::SetNextRun(int64_t id, int64_t next_run) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(database_.Run("UPDATE sources SET next_run = ? WHERE id = ?", next_run, id));
  TRY(ExpectChange(database_, kNoun, id));
  return transaction.Commit();
}

Result<void> SourceTable::BeginRun(int64_t id, std::string_view cause, int64_t now, int64_t next_run) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(database_.Run(
      "UPDATE sources SET run_outcome = 'running', run_cause = ?, run_process = '', "
      "run_started = ?, run_ended = 0, run_detail = '', runs = runs + 1, next_run = ? WHERE id = ?",
      cause, now, next_run, id));
  TRY(ExpectChange(database_, kNoun, id));
  TRY_ASSIGN(const SourceRow source, ById(id));
  TRY(events_.TellOfSourceInTransaction(source, "run-started", std::string(cause)));
  return transaction.Commit();
}

Result<void> SourceTable::NoteProcess(int64_t id, const std::string& process) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(database_.Run("UPDATE sources SET run_process = ? WHERE id = ?", process, id));
  TRY(ExpectChange(database_, kNoun, id));
  return transaction.Commit();
}

Result<void> SourceTable::EndRun(int64_t id, std::string_view outcome, const std::string& detail, int64_t now,
                                 int64_t image_id) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(
      database_.Run("UPDATE sources SET run_outcome = ?1, run_detail = ?2, run_ended = ?3, run_process = '', "
                    "failures = failures + (?1 <> 'succeeded') WHERE id = ?4 AND run_outcome = 'running'",
                    outcome, detail, now, id));
  TRY(ExpectChange(database_, kNoun, id));
  TRY_ASSIGN(const SourceRow source, ById(id));
  TRY(events_.TellOfSourceInTransaction(source, "run-" + std::string(outcome), detail, image_id));
  return transaction.Commit();
}

Result<void> SourceTable::NoteSkipped(int64_t id, const std::string& why, int64_t now, int64_t next_run) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(database_.Run("UPDATE sources SET skipped = skipped + 1, skipped_at = ?, next_run = ? WHERE id = ?",
                    now, next_run, id));
  TRY(ExpectChange(database_, kNoun, id));
  TRY_ASSIGN(const SourceRow source, ById(id));
  TRY(events_.TellOfSourceInTransaction(source, "run-skipped", why));
  return transaction.Commit();
}

Result<void> SourceTable::SetStandby(int64_t id, const StandbyChange& change) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY_ASSIGN(SourceRow source, ById(id));
  const std::string before = source.state;
  const auto set = [](auto& member, const auto& wanted) {
    if (wanted) member = *wanted;
  };
  set(source.state, change.state);
  set(source.detail, change.detail);
  set(source.slot, change.slot);
  set(source.base_image_id, change.base_image_id);
  set(source.lag_bytes, change.lag_bytes);
  set(source.copied_bytes, change.copied_bytes);
  set(source.position, change.position);
  set(source.server_version, change.server_version);
  set(source.server_identity, change.server_identity);
  TRY(
      database_.Run("UPDATE sources SET state = ?, detail = ?, slot = ?, base_image_id = ?, "
                    "lag_bytes = ?, copied_bytes = ?, position = ?, server_version = ?, server_identity = ? "
                    "WHERE id = ?",
                    source.state, source.detail, source.slot, source.base_image_id, source.lag_bytes,
                    source.copied_bytes, source.position, source.server_version, source.server_identity, id));
  if (source.state != before) TRY(events_.TellOfSourceInTransaction(source, source.state, source.detail));
  return transaction.Commit();
}

Result<void> SourceTable::MarkDeleting(int64_t id) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(database_.Run("UPDATE sources SET deleting = 1, next_run = 0 WHERE id = ? AND deleting = 0", id));
  TRY(ExpectChange(database_, kNoun, id));
  TRY_ASSIGN(const SourceRow source, ById(id));
  TRY(events_.TellOfSourceInTransaction(source, "deleted", ""));
  return transaction.Commit();
}

Result<void> SourceTable::ReleaseImages() {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(database_.Run(
      "UPDATE images SET source_id = 0, source_run = 0 WHERE source_id <> 0 AND source_id NOT IN "
      "(SELECT id FROM sources)"));
  return transaction.Commit();
}

Result<void> SourceTable::Remove(int64_t id) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(database_.Run("UPDATE images SET source_id = 0, source_run = 0 WHERE source_id = ?", id));
  TRY(database_.Run("DELETE FROM sources WHERE id = ?", id));
  TRY(ExpectChange(database_, kNoun, id));
  return transaction.Commit();
}

}  // namespace spawnd::daemon
