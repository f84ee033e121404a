/// What can be changed of images and containers after they were made, and when they expire.
#include "daemon/catalog/catalog.h"
#include "daemon/catalog/database.h"

namespace spawnd::daemon {
namespace {

Result<void> RunWith(Database& database, const char* sql, int64_t id, const std::string& text) {
  TRY_ASSIGN(Query query, database.Prepare(sql));
  return query.Bind(id).Bind(text).Run();
}

}  // namespace

Result<std::vector<int64_t>> Catalog::Numbers(const char* sql, int64_t parameter) {
  TRY_ASSIGN(Query query, database_->Prepare(sql));
  query.Bind(parameter);
  std::vector<int64_t> numbers;
  while (true) {
    TRY_ASSIGN(const bool row, query.Step());
    if (!row) return numbers;
    numbers.push_back(query.Int());
  }
}

Result<void> Catalog::UpdateImage(int64_t id, const ImageChange& change) {
  Transaction transaction(*database_);
  TRY(transaction.Begin());
  if (!change.name.empty()) TRY(RenameImage(id, change.name));
  for (const std::string& tag : change.remove_tags) {
    TRY(RunWith(*database_, "DELETE FROM image_tags WHERE image_id = ? AND tag = ?", id, tag));
  }
  for (const std::string& team : change.remove_teams) {
    TRY(RunWith(*database_, "DELETE FROM image_teams WHERE image_id = ? AND team = ?", id, team));
  }
  for (const std::string& tag : change.tags) TRY(AddTag(id, tag));
  TRY(InsertTexts("INSERT OR IGNORE INTO image_teams (image_id, team) VALUES (?,?)", id, change.teams));
  TRY(CheckLabelCount(id));
  if (change.expires_at) {
    TRY_ASSIGN(Query query, database_->Prepare("UPDATE images SET expires_at = ? WHERE id = ?"));
    TRY(query.Bind(*change.expires_at).Bind(id).Run());
    TRY(ExpectChange("data image", id));
  }
  return transaction.Commit();
}

Result<void> Catalog::UpdateContainer(int64_t id, const ContainerChange& change) {
  Transaction transaction(*database_);
  TRY(transaction.Begin());
  if (!change.name.empty()) {
    TRY(CheckContainerName(change.name, id));
    TRY_ASSIGN(Query query, database_->Prepare("UPDATE containers SET name = ? WHERE id = ?"));
    TRY(query.Bind(change.name).Bind(id).Run());
    TRY(ExpectChange("data container", id));
  }
  if (change.expires_at) {
    TRY_ASSIGN(Query query, database_->Prepare("UPDATE containers SET expires_at = ? WHERE id = ?"));
    TRY(query.Bind(*change.expires_at).Bind(id).Run());
    TRY(ExpectChange("data container", id));
  }
  return transaction.Commit();
}

Result<std::vector<int64_t>> Catalog::ExpiredImages(int64_t now) {
  return Numbers(
      "SELECT id FROM images WHERE expires_at > 0 AND expires_at <= ? AND cache_key = '' AND "
      "state IN ('completed', 'failed') AND NOT EXISTS (SELECT 1 FROM containers WHERE image_id = images.id "
      "AND containers.state <> 'deleting') ORDER BY id",
      now);
}

Result<std::vector<int64_t>> Catalog::ExpiredContainers(int64_t now) {
  return Numbers(
      "SELECT id FROM containers WHERE expires_at > 0 AND expires_at <= ? AND state NOT IN ('creating', "
      "'deleting') ORDER BY id",
      now);
}

Result<int64_t> Catalog::NextExpiry(int64_t now) {
  TRY_ASSIGN(const auto next, Numbers("SELECT coalesce(min(expires_at), 0) FROM (SELECT expires_at FROM "
                                      "images WHERE state IN ('completed', "
                                      "'failed') UNION ALL SELECT expires_at FROM containers WHERE state NOT "
                                      "IN ('creating', 'deleting')) "
                                      "WHERE expires_at > ?",
                                      now));
  return next.empty() ? 0 : next.front();
}

}  // namespace spawnd::daemon
