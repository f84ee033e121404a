/// Revisions of containers. The files in a container's delta are the truth (storage/delta/revision.h): a save
/// whose daemon died before it could write it down here is added when the keeper next says what there is.
#include <algorithm>

#include "daemon/catalog/columns.h"
#include "daemon/catalog/containers.h"
#include "daemon/catalog/database.h"

namespace spawnd::daemon {

/// What is known already stays as it is.
Result<void> ContainerTable::AddRevisionsInTransaction(int64_t id,
                                                       const std::vector<RevisionRow>& revisions) {
  for (const RevisionRow& revision : revisions) {
    TRY(database_.Run(
        "INSERT OR IGNORE INTO container_revisions (container_id, number, created_at, unique_bytes, volume) "
        "VALUES (?,?,?,?,?)",
        id, int64_t{revision.number}, revision.created_at, revision.unique_bytes, revision.volume));
  }
  return {};
}

Result<void> ContainerTable::NoteRevisions(int64_t id, const std::vector<RevisionRow>& revisions) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY_ASSIGN(const ContainerRow container, ById(id));
  const auto is_known = [&container](const RevisionRow& revision) {
    return CheckRevision(container, revision.number).has_value();
  };
  if (std::all_of(revisions.begin(), revisions.end(), is_known)) return {};
  TRY(AddRevisionsInTransaction(id, revisions));
  return transaction.Commit();
}

Result<void> ContainerTable::NoteSaved(int64_t id, const std::vector<RevisionRow>& revisions) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(AddRevisionsInTransaction(id, revisions));
  TRY(database_.Run("UPDATE containers SET revision = ? WHERE id = ?", RevisionText(revisions.back().number),
                    id));
  TRY(ExpectChange(database_, "data container", id));
  return transaction.Commit();
}

Result<void> ContainerTable::BeginRevert(int64_t id, uint32_t number) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(database_.Run(
      "UPDATE containers SET state = 'reverting', revert_to = ?1, stays_down = 0, stopped = 0, asleep = 0, "
      "detail = ?2, spare = spare OR revision = ?3, volume = coalesce((SELECT volume FROM "
      "container_revisions WHERE container_id = ?4 AND number = ?1), '') "
      "WHERE id = ?4 AND state <> 'deleting'",
      int64_t{number}, "it goes back to " + RevisionText(number), RevisionText(number), id));
  TRY(ExpectChange(database_, "data container", id));
  return transaction.Commit();
}

Result<void> ContainerTable::FinishRevert(int64_t id, uint32_t number) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(database_.Run(
      "UPDATE containers SET state = 'running', revert_to = NULL, detail = '', revision = ? WHERE id = ?",
      RevisionText(number), id));
  TRY(ExpectChange(database_, "data container", id));
  return transaction.Commit();
}

Result<void> ContainerTable::MoveTo(int64_t id, const std::string& volume) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(database_.Run("UPDATE containers SET volume = ? WHERE id = ?", volume, id));
  TRY(ExpectChange(database_, "data container", id));
  return transaction.Commit();
}

Result<void> ContainerTable::TakeSpare(int64_t id, uint32_t number, const std::string& volume) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(
      database_.Run("UPDATE containers SET volume = ?1, revision = ?2, spare = 1, detail = '' "
                    "WHERE id = ?3 AND state = 'running' AND stopped = 0",
                    volume, RevisionText(number), id));
  TRY(ExpectChange(database_, "data container", id));
  return transaction.Commit();
}

Result<void> ContainerTable::ReadRevisions(ContainerRow& container) {
  TRY_ASSIGN(Query query, SelectRows<RevisionRow>(
                              database_, "FROM container_revisions WHERE container_id = ? ORDER BY number"));
  query.Bind(container.id);
  TRY_ASSIGN(container.revisions, ReadRows<RevisionRow>(query));
  return {};
}

}  // namespace spawnd::daemon
