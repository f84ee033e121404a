#include "daemon/catalog/catalog.h"

#include <utility>

#include "daemon/catalog/columns.h"
#include "daemon/catalog/database.h"
#include "daemon/catalog/schema.h"

namespace spawnd::daemon {

Catalog::Catalog(std::unique_ptr<Database> database)
    : database_(std::move(database)),
      images(*database_),
      containers(*database_, images),
      tokens(*database_),
      events(*database_),
      manifests(*database_),
      sources(*database_, events) {}
Catalog::~Catalog() = default;

Result<std::unique_ptr<Catalog>> Catalog::Open(const std::string& path) {
  TRY_ASSIGN(auto database, Database::Open(path));
  TRY(PrepareSchema(*database, path));
  auto catalog = std::unique_ptr<Catalog>(new Catalog(std::move(database)));
  TRY(catalog->events.Begin());
  return catalog;
}

Result<std::unique_ptr<Catalog>> Catalog::OpenToLook(const std::string& path) {
  TRY_ASSIGN(auto database, Database::Open(path));
  TRY_ASSIGN(const bool older, IsOlder(*database, path));
  if (older) {
    TRY_ASSIGN(database, Database::InMemory(*database));
    TRY(PrepareInMemory(*database, path));
  } else {
    TRY(PrepareSchema(*database, path));
  }
  return std::unique_ptr<Catalog>(new Catalog(std::move(database)));
}

Result<int64_t> Catalog::NewId() {
  Transaction transaction(*database_);
  TRY(transaction.Begin());
  TRY_ASSIGN(const int64_t id, IdForInTransaction(*database_, 0));
  TRY(transaction.Commit());
  return id;
}

Result<void> Catalog::SkipIds(int64_t up_to) {
  Transaction transaction(*database_);
  TRY(transaction.Begin());
  TRY(database_->Run("UPDATE counters SET value = ? WHERE name = 'id' AND value < ?", up_to, up_to));
  return database_->Changed() ? transaction.Commit() : Result<void>();
}

Result<int64_t> Catalog::LastId() {
  return Counter("id");
}

Result<int64_t> Catalog::Generation() {
  return Counter("generation");
}

Result<int64_t> Catalog::Counter(std::string_view name) {
  TRY_ASSIGN(const auto values, Numbers(*database_, "SELECT value FROM counters WHERE name = ?", name));
  if (values.empty())
    return Fail(ErrorCode::kCorrupt, "catalog: counter '" + std::string(name) + "' is missing");
  return values.front();
}

Result<int64_t> Catalog::NextGeneration(int64_t floor) {
  Transaction transaction(*database_);
  TRY(transaction.Begin());
  TRY(database_->Run("UPDATE counters SET value = max(value, ?) + 1 WHERE name = 'generation'", floor));
  TRY_ASSIGN(const int64_t generation, Generation());
  TRY(transaction.Commit());
  return generation;
}

Result<int64_t> Catalog::NextExpiry(int64_t now) {
  TRY_ASSIGN(const auto next,
             Numbers(*database_,
                     "SELECT coalesce(min(expires_at), 0) FROM (SELECT expires_at FROM images "
                     "WHERE state IN ('completed', 'failed') UNION ALL SELECT expires_at FROM containers "
                     "WHERE state NOT IN ('creating', 'deleting')) WHERE expires_at > ?",
                     now));
  return next.empty() ? 0 : next.front();
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

}  // namespace spawnd::daemon
