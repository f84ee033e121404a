/// Opening, and the sequence of ids. The tables are in catalog_images.cc and catalog_containers.cc.
#include "daemon/catalog/catalog.h"

#include "daemon/catalog/database.h"
#include "daemon/catalog/schema.h"

namespace spawnd::daemon {

Catalog::Catalog(std::unique_ptr<Database> database) : database_(std::move(database)) {}
Catalog::~Catalog() = default;

Result<std::unique_ptr<Catalog>> Catalog::Open(const std::string& path) {
  TRY_ASSIGN(auto database, Database::Open(path));
  TRY(PrepareSchema(*database, path));
  return std::unique_ptr<Catalog>(new Catalog(std::move(database)));
}

/// Inside the caller's transaction.
Result<int64_t> Catalog::IdFor(int64_t wanted) {
  if (wanted != 0) return wanted;
  TRY_ASSIGN(Query query,
             database_->Prepare("UPDATE counters SET value = value + 1 WHERE name = 'id' RETURNING value"));
  TRY_ASSIGN(const bool row, query.Step());
  if (!row) return Fail(ErrorCode::kCorrupt, "catalog: the counter of ids is missing");
  const int64_t id = query.Int();
  // An update takes effect when its statement has run to its end.
  TRY_ASSIGN(const bool more, query.Step());
  if (more) return Fail(ErrorCode::kCorrupt, "catalog: there are two counters of ids");
  return id;
}

Result<int64_t> Catalog::NewId() {
  Transaction transaction(*database_);
  TRY(transaction.Begin());
  TRY_ASSIGN(const int64_t id, IdFor(0));
  TRY(transaction.Commit());
  return id;
}

Result<std::vector<std::string>> Catalog::CheckIntegrity() {
  std::vector<std::string> complaints;
  TRY_ASSIGN(Query query, database_->Prepare("PRAGMA integrity_check"));
  while (true) {
    TRY_ASSIGN(const bool row, query.Step());
    if (!row) break;
    const std::string line = query.Text();
    if (line != "ok") complaints.push_back(line);
  }
  TRY_ASSIGN(Query keys, database_->Prepare("PRAGMA foreign_key_check"));
  TRY_ASSIGN(const bool orphan, keys.Step());
  if (orphan) complaints.push_back("a row of table '" + keys.Text() + "' refers to one that is not there");
  return complaints;
}

/// After a statement that must have found its row.
Result<void> Catalog::ExpectChange(std::string_view kind, int64_t id) {
  if (database_->Changed()) return {};
  return Fail(ErrorCode::kNotFound, "no " + std::string(kind) + " with id " + std::to_string(id));
}

}  // namespace spawnd::daemon
