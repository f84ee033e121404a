#include "daemon/catalog/migrations.h"

#include <array>

#include "daemon/catalog/copy.h"

namespace spawnd::daemon {
namespace {

// Tags of an image that is not completed yet have active = 0: only then does a tag belong to one image of its
// owner's of a name (ADR 3), and the index below holds it to that. A team with active = 0 was named by
// somebody who was not in it: it is a word that shows the image to nobody (ADR 7). Ports stay taken until a
// container's row is gone, names, which are one owner's, only while it lives.
constexpr const char* kFirstSchema = R"sql(
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

// What this release adds to the first: everybody's columns and tables, below one another.
constexpr const char* kSchema10 = R"sql(
-- Grows with the file of that name (daemon/store/generation.h).
INSERT INTO counters VALUES ('generation', 0);
-- 1: its owner stopped it. It is on its way there while the state is running, and there when that is failed:
-- a state of its own would take the table to be made anew.
ALTER TABLE containers ADD COLUMN stopped INTEGER NOT NULL DEFAULT 0
  CHECK (stopped = 0 OR (stopped = 1 AND state IN ('running', 'failed')));
-- What its databases need of an installation beyond the server, a line each (engines/used_library.h).
ALTER TABLE images ADD COLUMN libraries TEXT NOT NULL DEFAULT '';
-- What has happened, by ids that only grow (events.h). The subject is an image or a container that may be gone
-- by now.
CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  resource TEXT NOT NULL CHECK (resource IN ('image', 'container')),
  event TEXT NOT NULL,
  subject INTEGER NOT NULL,
  name TEXT NOT NULL,
  owner INTEGER NOT NULL,
  image_id INTEGER NOT NULL,
  image TEXT NOT NULL,
  image_name TEXT NOT NULL,
  image_owner INTEGER NOT NULL,
  built_in TEXT NOT NULL,
  tags TEXT NOT NULL,
  teams TEXT NOT NULL,
  revision TEXT NOT NULL,
  container_id INTEGER NOT NULL,
  actor INTEGER,
  token_id INTEGER NOT NULL,
  detail TEXT NOT NULL
);
CREATE INDEX events_by_subject ON events (subject);
)sql";

// Settings of the server that its image, and its own create, were told to have (LimitsToJson has the like);
// and the process that a container ends with.
constexpr const char* kSchema11 = R"sql(
ALTER TABLE images ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
ALTER TABLE containers ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
ALTER TABLE containers ADD COLUMN client TEXT NOT NULL DEFAULT '';
)sql";

// What is made ready before it is asked for: how many containers of an image, which of them are nobody's yet,
// when one sleeps, which one has a second server, and in which of its volumes (ContainerRow::volume) it is
// now.
constexpr const char* kSchema12 = R"sql(
ALTER TABLE images ADD COLUMN warm INTEGER NOT NULL DEFAULT -1;
ALTER TABLE images ADD COLUMN sleep_after INTEGER NOT NULL DEFAULT -1;
ALTER TABLE images ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE containers ADD COLUMN also_listen TEXT NOT NULL DEFAULT '';
-- Like `stopped`, which it goes with.
ALTER TABLE containers ADD COLUMN asleep INTEGER NOT NULL DEFAULT 0 CHECK (asleep = 0 OR (asleep = 1 AND stopped = 1));
ALTER TABLE containers ADD COLUMN pooled INTEGER NOT NULL DEFAULT 0 CHECK (pooled IN (0, 1));
ALTER TABLE containers ADD COLUMN started_ahead INTEGER NOT NULL DEFAULT 0 CHECK (started_ahead IN (0, 1));
ALTER TABLE containers ADD COLUMN sleep_after INTEGER NOT NULL DEFAULT -1;
ALTER TABLE containers ADD COLUMN idle_delete INTEGER NOT NULL DEFAULT 0;
ALTER TABLE containers ADD COLUMN spare INTEGER NOT NULL DEFAULT 0 CHECK (spare IN (0, 1));
ALTER TABLE containers ADD COLUMN volume TEXT NOT NULL DEFAULT '';
ALTER TABLE container_revisions ADD COLUMN volume TEXT NOT NULL DEFAULT '';
)sql";

// Where images come from: data sources with their schedules, and the containers that follow a server for one.
constexpr const char* kSchema13 = R"sql(
CREATE TABLE sources (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  owner INTEGER NOT NULL,
  source_type TEXT NOT NULL,
  engine TEXT NOT NULL,
  version_text TEXT NOT NULL,
  definition TEXT NOT NULL,
  folder TEXT NOT NULL,
  schedule TEXT NOT NULL,
  keep INTEGER NOT NULL CHECK (keep >= 0),
  created_at INTEGER NOT NULL,
  deleting INTEGER NOT NULL CHECK (deleting IN (0, 1)),
  next_run INTEGER NOT NULL,
  run_outcome TEXT NOT NULL CHECK (run_outcome IN ('', 'running', 'succeeded', 'failed', 'interrupted')),
  run_cause TEXT NOT NULL,
  run_started INTEGER NOT NULL,
  run_ended INTEGER NOT NULL,
  run_detail TEXT NOT NULL,
  run_process TEXT NOT NULL,
  runs INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  skipped INTEGER NOT NULL,
  skipped_at INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('', 'copying', 'following', 'lagging', 'failed', 'deleting')),
  detail TEXT NOT NULL,
  connection TEXT NOT NULL,
  max_kept_bytes INTEGER NOT NULL,
  slot TEXT NOT NULL,
  base_image_id INTEGER NOT NULL,
  lag_bytes INTEGER NOT NULL,
  copied_bytes INTEGER NOT NULL,
  position TEXT NOT NULL,
  server_version TEXT NOT NULL,
  server_identity TEXT NOT NULL
);
CREATE UNIQUE INDEX sources_by_name ON sources (owner, name) WHERE deleting = 0;
-- Not a foreign key: the images of a source outlive it.
ALTER TABLE images ADD COLUMN source_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE images ADD COLUMN source_run INTEGER NOT NULL DEFAULT 0 CHECK (source_run IN (0, 1));
CREATE INDEX images_by_source ON images (source_id) WHERE source_id <> 0;
-- Events of a source, too: the table is made anew, as it cannot be told to take another word.
CREATE TABLE events_now (
  id INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  resource TEXT NOT NULL CHECK (resource IN ('image', 'container', 'source')),
  event TEXT NOT NULL,
  subject INTEGER NOT NULL,
  name TEXT NOT NULL,
  owner INTEGER NOT NULL,
  image_id INTEGER NOT NULL,
  image TEXT NOT NULL,
  image_name TEXT NOT NULL,
  image_owner INTEGER NOT NULL,
  built_in TEXT NOT NULL,
  tags TEXT NOT NULL,
  teams TEXT NOT NULL,
  revision TEXT NOT NULL,
  container_id INTEGER NOT NULL,
  actor INTEGER,
  token_id INTEGER NOT NULL,
  detail TEXT NOT NULL
);
INSERT INTO events_now SELECT * FROM events;
DROP TABLE events;
ALTER TABLE events_now RENAME TO events;
CREATE INDEX events_by_subject ON events (subject);
-- By which rules an image's columns were masked; empty: they were not.
ALTER TABLE images ADD COLUMN mask_digest TEXT NOT NULL DEFAULT '';
)sql";

constexpr std::array kMigrations{
    Migration{10, kSchema10},
    Migration{11, kSchema11},
    Migration{12, kSchema12},
    Migration{13, kSchema13},
};

Result<void> SetVersion(Database& database, int64_t version) {
  return database.Execute(("PRAGMA user_version = " + std::to_string(version)).c_str());
}

Result<void> CheckForeignKeys(Database& database) {
  TRY_ASSIGN(Query query, database.Prepare("PRAGMA foreign_key_check"));
  TRY_ASSIGN(const bool row, query.Step());
  if (!row) return {};
  return Fail(ErrorCode::kCorrupt, "a row of table '" + query.Text() + "' refers to one that is not there");
}

Result<void> Apply(Database& database, const Migration& step, bool check) {
  Transaction transaction(database);
  TRY(transaction.Begin());
  TRY(database.Execute(step.sql));
  if (check) TRY(CheckForeignKeys(database));
  TRY(SetVersion(database, step.to));
  return transaction.Commit();
}

Result<void> ApplyAfter(Database& database, int64_t version, std::span<const Migration> steps, bool check) {
  for (const Migration& step : steps) {
    if (step.to <= version) continue;
    const auto applied = Apply(database, step, check);
    if (applied) continue;
    Error error = applied.error().Wrap("cannot bring the catalog from schema " + std::to_string(step.to - 1) +
                                       " to " + std::to_string(step.to));
    if (error.hint.empty())
      error.hint = "It is as it was. Install the spawnd from before again to go on with it.";
    return Fail(error);
  }
  return {};
}

}  // namespace

std::span<const Migration> Migrations() {
  return kMigrations;
}

std::string CopyBeforeMigration(const std::string& path, int64_t version) {
  const size_t suffix = path.rfind(".db");
  return path.substr(0, suffix) + ".pre-" + std::to_string(version + 1);
}

Result<void> MakeTables(Database& database, std::span<const Migration> steps) {
  Transaction transaction(database);
  TRY(transaction.Begin());
  TRY(database.Execute(kFirstSchema));
  for (const Migration& step : steps) TRY(database.Execute(step.sql));
  TRY(SetVersion(database, steps.empty() ? kFirstSchemaVersion : steps.back().to));
  return transaction.Commit();
}

Result<void> Migrate(Database& database, const std::string& path, int64_t version,
                     std::span<const Migration> steps) {
  if (steps.empty() || version >= steps.back().to) return {};
  TRY(CopyDatabase(database, CopyBeforeMigration(path, version)));
  return ApplySteps(database, version, steps);
}

Result<void> ApplySteps(Database& database, int64_t version, std::span<const Migration> steps) {
  // The setting is the connection's, and cannot change inside of a transaction.
  TRY(database.Execute("PRAGMA foreign_keys = OFF"));
  auto applied = ApplyAfter(database, version, steps, true);
  TRY(database.Execute("PRAGMA foreign_keys = ON"));
  return applied;
}

Result<void> ApplyUnchecked(Database& database, int64_t version, std::span<const Migration> steps) {
  return ApplyAfter(database, version, steps, false);
}

}  // namespace spawnd::daemon
