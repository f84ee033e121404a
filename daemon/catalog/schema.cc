#include "daemon/catalog/schema.h"

namespace spawnd::daemon {
namespace {

// Tags of an image that is not completed yet have active = 0: only then does a tag belong to one image of its
// owner's of a name (ADR 3), and the index below holds it to that. A team with active = 0 was named by
// somebody who was not in it: it is a word that shows the image to nobody (ADR 7). Ports stay taken until a
// container's row is gone, names, which are one owner's, only while it lives.
constexpr const char* kCreate = R"sql(
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counters VALUES ('id', 10000);

CREATE TABLE images (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'completed', 'failed', 'deleting')),
  engine TEXT NOT NULL,
  engine_version TEXT NOT NULL,
  version_text TEXT NOT NULL,
  owner INTEGER NOT NULL,
  durability TEXT NOT NULL CHECK (durability IN ('everysec', 'always')),
  network TEXT NOT NULL CHECK (network IN ('', 'none', 'host')),
  tls INTEGER NOT NULL CHECK (tls IN (0, 1)),
  superuser INTEGER NOT NULL CHECK (superuser IN (0, 1)),
  limits TEXT NOT NULL,
  initial_database TEXT NOT NULL,
  database_name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  data_bytes INTEGER NOT NULL,
  disk_bytes INTEGER NOT NULL,
  index_file TEXT NOT NULL,
  cache_key TEXT NOT NULL,
  detail TEXT NOT NULL
);
CREATE INDEX images_by_name ON images (name);
CREATE UNIQUE INDEX images_by_cache_key ON images (cache_key) WHERE cache_key <> '' AND state <> 'deleting';

CREATE TABLE image_tags (
  image_id INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
  tag TEXT NOT NULL,
  owner INTEGER NOT NULL,
  name TEXT NOT NULL,
  active INTEGER NOT NULL,
  PRIMARY KEY (image_id, tag)
) WITHOUT ROWID;
CREATE UNIQUE INDEX image_tags_by_name ON image_tags (name, tag, owner) WHERE active = 1;

CREATE TABLE image_teams (
  image_id INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
  team TEXT NOT NULL,
  active INTEGER NOT NULL,
  PRIMARY KEY (image_id, team)
) WITHOUT ROWID;

CREATE TABLE image_layers (
  image_id INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
  layer_id TEXT NOT NULL,
  PRIMARY KEY (image_id, layer_id)
) WITHOUT ROWID;
CREATE INDEX image_layers_by_layer ON image_layers (layer_id);

CREATE TABLE containers (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  image_id INTEGER NOT NULL REFERENCES images (id),
  image_reference TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('creating', 'running', 'restarting', 'reverting', 'failed', 'deleting')),
  stays_down INTEGER NOT NULL CHECK (stays_down = 0 OR (stays_down = 1 AND state = 'failed')),
  revert_to INTEGER CHECK ((revert_to IS NOT NULL) = (state = 'reverting')),
  revision TEXT NOT NULL,
  host TEXT NOT NULL,
  port INTEGER NOT NULL,
  user_name TEXT NOT NULL,
  password TEXT NOT NULL,
  database_name TEXT NOT NULL,
  owner INTEGER NOT NULL,
  durability TEXT NOT NULL CHECK (durability IN ('everysec', 'always')),
  network TEXT NOT NULL CHECK (network IN ('none', 'host')),
  superuser INTEGER NOT NULL CHECK (superuser IN (0, 1)),
  limits TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  ready_milliseconds REAL NOT NULL,
  timings TEXT NOT NULL,
  detail TEXT NOT NULL,
  installation_root TEXT NOT NULL,
  installation_version TEXT NOT NULL
);
CREATE UNIQUE INDEX containers_by_name ON containers (owner, name) WHERE state <> 'deleting';
CREATE UNIQUE INDEX containers_by_port ON containers (port) WHERE port <> 0;
CREATE INDEX containers_by_image ON containers (image_id);

CREATE TABLE container_revisions (
  container_id INTEGER NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  unique_bytes INTEGER NOT NULL,
  PRIMARY KEY (container_id, number)
) WITHOUT ROWID;

-- Of a token only a hash is kept.
CREATE TABLE access_tokens (
  id INTEGER PRIMARY KEY,
  hash TEXT NOT NULL,
  purpose TEXT NOT NULL,
  owner INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  read_only INTEGER NOT NULL,
  images TEXT NOT NULL
);

PRAGMA application_id = 1936750446;
)sql";

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
        "The file is left as it is. Move it away or restore it from a backup, then start spawnd again.";
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

/// True when the file has nothing in it yet.
Result<bool> Identify(Database& database) {
  TRY_ASSIGN(const int64_t tables, ReadNumber(database, "SELECT count(*) FROM sqlite_schema"));
  TRY_ASSIGN(const int64_t application, ReadNumber(database, "PRAGMA application_id"));
  TRY_ASSIGN(const int64_t version, ReadNumber(database, "PRAGMA user_version"));
  if (tables == 0 && application == 0 && version == 0) return true;
  if (application != kCatalogApplicationId) {
    return Fail(ErrorCode::kCorrupt, "it is a database of some other program");
  }
  if (version < 1) return Fail(ErrorCode::kCorrupt, "it has no schema version");
  if (version < kCatalogSchemaVersion) {
    return Fail(ErrorCode::kUnsupported, "it was written by a spawnd from before the first release",
                "Start with an empty state directory.");
  }
  if (version > kCatalogSchemaVersion) {
    return Fail(ErrorCode::kUnsupported,
                "it was written by a newer spawnd (schema " + std::to_string(version) + ", this one knows " +
                    std::to_string(kCatalogSchemaVersion) + ")",
                "Install that version of spawnd again. The file is left as it is.");
  }
  return false;
}

Result<void> UseWriteAheadLog(Database& database) {
  TRY_ASSIGN(Query query, database.Prepare("PRAGMA journal_mode = WAL"));
  TRY_ASSIGN(const bool row, query.Step());
  if (!row || query.Text() != "wal")
    return Fail(ErrorCode::kIo, "the file system cannot hold a write-ahead log");
  return {};
}

Result<void> Prepare(Database& database) {
  TRY_ASSIGN(const bool empty, Identify(database));
  if (!empty) TRY(Check(database));
  // From here on the file is ours. The mode is kept in the file, the other settings are this connection's.
  TRY(UseWriteAheadLog(database));
  TRY(database.Execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF"));
  if (!empty) return {};
  Transaction transaction(database);
  TRY(transaction.Begin());
  TRY(database.Execute(kCreate));
  TRY(database.Execute(("PRAGMA user_version = " + std::to_string(kCatalogSchemaVersion)).c_str()));
  return transaction.Commit();
}

}  // namespace

Result<void> PrepareSchema(Database& database, const std::string& path) {
  auto prepared = Prepare(database);
  if (!prepared) return Fail(Explain(prepared.error(), path));
  return prepared;
}

}  // namespace spawnd::daemon
