/// Revisions of containers. The files in a container's delta are the truth (storage/delta/revision.h): a save
/// whose daemon died before it could write it down here is added when the keeper next says what there is.
#include "daemon/catalog/catalog.h"
#include "daemon/catalog/database.h"

namespace spawnd::daemon {

/// Inside a transaction. What is known already stays as it is.
Result<void> Catalog::AddRevisions(int64_t id, const std::vector<RevisionRow>& revisions) {
  for (const RevisionRow& revision : revisions) {
    TRY_ASSIGN(Query query,
               database_->Prepare("INSERT OR IGNORE INTO container_revisions "
                                  "(container_id, number, created_at, unique_bytes) VALUES (?,?,?,?)"));
    TRY(query.Bind(id)
            .Bind(int64_t{revision.number})
            .Bind(revision.created_at)
            .Bind(revision.unique_bytes)
            .Run());
  }
  return {};
}

Result<void> Catalog::NoteRevisions(int64_t id, const std::vector<RevisionRow>& revisions) {
  Transaction transaction(*database_);
  TRY(transaction.Begin());
  TRY_ASSIGN(const ContainerRow container, ContainerById(id));
  if (container.revisions.size() == revisions.size()) return {};
  TRY(AddRevisions(id, revisions));
  return transaction.Commit();
}

Result<void> Catalog::NoteSaved(int64_t id, const std::vector<RevisionRow>& revisions) {
  Transaction transaction(*database_);
  TRY(transaction.Begin());
  TRY(AddRevisions(id, revisions));
  {
    TRY_ASSIGN(Query query, database_->Prepare("UPDATE containers SET revision = ? WHERE id = ?"));
    TRY(query.Bind(RevisionText(revisions.back().number)).Bind(id).Run());
    TRY(ExpectChange("data container", id));
  }
  return transaction.Commit();
}

Result<void> Catalog::BeginRevert(int64_t id, uint32_t number) {
  TRY_ASSIGN(Query query,
             database_->Prepare("UPDATE containers SET state = 'reverting', revert_to = ?, stays_down = 0, "
                                "detail = ? WHERE id = ? AND state <> 'deleting'"));
  TRY(query.Bind(int64_t{number}).Bind("it goes back to " + RevisionText(number)).Bind(id).Run());
  return ExpectChange("data container", id);
}

Result<void> Catalog::FinishRevert(int64_t id, uint32_t number) {
  TRY_ASSIGN(Query query,
             database_->Prepare("UPDATE containers SET state = 'running', revert_to = NULL, detail = '', "
                                "revision = ? WHERE id = ?"));
  TRY(query.Bind(RevisionText(number)).Bind(id).Run());
  return ExpectChange("data container", id);
}

Result<void> Catalog::ReadRevisions(std::vector<ContainerRow>& containers) {
  for (ContainerRow& container : containers) {
    TRY_ASSIGN(Query query, database_->Prepare("SELECT number, created_at, unique_bytes FROM "
                                               "container_revisions WHERE container_id = ? ORDER BY number"));
    query.Bind(container.id);
    while (true) {
      TRY_ASSIGN(const bool row, query.Step());
      if (!row) break;
      RevisionRow& revision = container.revisions.emplace_back();
      revision.number = static_cast<uint32_t>(query.Int());
      revision.created_at = query.Int();
      revision.unique_bytes = query.Int();
    }
  }
  return {};
}

}  // namespace spawnd::daemon
