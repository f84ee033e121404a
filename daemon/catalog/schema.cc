#include "daemon/catalog/schema.h"

#include "daemon/catalog/migrations.h"

namespace spawnd::daemon {
namespace {

Result<int64_t> ReadNumber(Database& database, const char* sql) {
  TRY_ASSIGN(Query query, database.Prepare(sql));
  TRY_ASSIGN(const bool row, query.Step());
  return row ? query.Int() : 0;
}

/// kCorrupt as an answer about the whole file, not about the statement that tripped over it.
Error Explain(const Error& error, const std::string& path) {
  Error explained = error.Wrap("cannot use catalog '" + path + "'");
  if (error.code == ErrorCode::kCorrupt) {
    explained.hint =
        "The file is left as it is. Move it away, then put catalog.bak in its place, or make one of the "
        "manifests: `spawnd fsck --rebuild-catalog`. See A LOST CATALOG in spawnd(8).";
  }
  return explained;
}

Result<void> Check(Database& database) {
  TRY_ASSIGN(Query query, database.Prepare("PRAGMA quick_check(1)"));
  TRY_ASSIGN(const bool row, query.Step());
  const std::string answer = row ? query.Text() : "no answer";
  if (answer != "ok") return Fail(ErrorCode::kCorrupt, "the file is damaged: " + answer);
  return {};
}

/// The schema of the file; 0: it has nothing in it yet.
Result<int64_t> Identify(Database& database) {
  TRY_ASSIGN(const int64_t tables, ReadNumber(database, "SELECT count(*) FROM sqlite_schema"));
  TRY_ASSIGN(const int64_t application, ReadNumber(database, "PRAGMA application_id"));
  TRY_ASSIGN(const int64_t version, ReadNumber(database, "PRAGMA user_version"));
  if (tables == 0 && application == 0 && version == 0) return 0;
  if (application != kCatalogApplicationId) {
    return Fail(ErrorCode::kCorrupt, "it is a database of some other program");
  }
  if (version < 1) return Fail(ErrorCode::kCorrupt, "it has no schema version");
  if (version < kFirstSchemaVersion) {
    return Fail(ErrorCode::kUnsupported, "it was written by a spawnd from before the first release",
                "Start with an empty state directory.");
  }
  if (version > kCatalogSchemaVersion) {
    return Fail(ErrorCode::kUnsupported,
                "it was written by a newer spawnd (schema " + std::to_string(version) + ", this one knows " +
                    std::to_string(kCatalogSchemaVersion) + ")",
                "Install that version of spawnd again, or put '" +
                    CopyBeforeMigration("catalog.db", kCatalogSchemaVersion) +
                    "', if it is there, in its place (man spawnd). The file is left as it is.");
  }
  return version;
}

Result<void> UseWriteAheadLog(Database& database) {
  TRY_ASSIGN(Query query, database.Prepare("PRAGMA journal_mode = WAL"));
  TRY_ASSIGN(const bool row, query.Step());
  if (!row || query.Text() != "wal")
    return Fail(ErrorCode::kIo, "the file system cannot hold a write-ahead log");
  return {};
}

constexpr const char* kConnection =
    "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF";

Result<void> Prepare(Database& database, const std::string& path) {
  TRY_ASSIGN(const int64_t version, Identify(database));
  const bool empty = version == 0;
  if (!empty) TRY(Check(database));
  // From here on the file is ours. The mode is kept in the file, the other settings are this connection's.
  TRY(UseWriteAheadLog(database));
  TRY(database.Execute(kConnection));
  if (empty) return MakeTables(database, Migrations());
  return Migrate(database, path, version, Migrations());
}

Result<void> BringUpToNow(Database& database) {
  TRY_ASSIGN(const int64_t version, Identify(database));
  TRY(Check(database));
  TRY(database.Execute(kConnection));
  return ApplySteps(database, version, Migrations());
}

}  // namespace

Result<void> PrepareSchema(Database& database, const std::string& path) {
  auto prepared = Prepare(database, path);
  if (!prepared) return Fail(Explain(prepared.error(), path));
  return prepared;
}

Result<bool> IsOlder(Database& database, const std::string& path) {
  const auto version = Identify(database);
  if (!version) return Fail(Explain(version.error(), path));
  return *version != 0 && *version < kCatalogSchemaVersion;
}

Result<void> PrepareInMemory(Database& database, const std::string& path) {
  auto prepared = BringUpToNow(database);
  if (!prepared) return Fail(Explain(prepared.error(), path));
  return prepared;
}

}  // namespace spawnd::daemon
