/// Catalogs of older spawnds become ones of this, whole: with steps that fail, a process that is killed, a
/// disk that is full.
#include "daemon/catalog/migrations.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "base/process.h"
#include "daemon/catalog/catalog.h"
#include "daemon/catalog/schema.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"
#include "tests/unit/daemon/catalog/faults.h"
#include "tests/unit/daemon/catalog/sample_rows.h"

namespace spawnd::daemon {
namespace {

constexpr std::array kSteps{
    Migration{10, "ALTER TABLE images ADD COLUMN one TEXT NOT NULL DEFAULT ''; CREATE TABLE more (x)"},
    Migration{11, "UPDATE images SET one = 'eleven'; INSERT INTO more VALUES (11)"},
};

std::unique_ptr<Database> OpenDatabase(const std::string& path) {
  auto database = Database::Open(path);
  REQUIRE(database);
  return std::move(*database);
}

/// A catalog of the first schema with an image, a container and a token.
void MakeFirst(const std::string& path) {
  const auto database = OpenDatabase(path);
  REQUIRE(MakeTables(*database, {}));
  REQUIRE(database->Execute(R"sql(
    INSERT INTO images VALUES (10001, 'shop', 'completed', 'postgresql', '15.20', '15', 1000, 'everysec', '', 0, 1, '{}',
      '', 'shop', 1, 0, 100, 50, '10001.index', '', '');
    INSERT INTO image_tags VALUES (10001, 'latest', 1000, 'shop', 1);
    INSERT INTO containers VALUES (10002, 'demo', 10001, 'shop', 'running', 0, NULL, '', '127.0.0.1', 20001, 'u', 'p', 'shop',
      1000, 'everysec', 'none', 1, '{}', 1, 0, 12.5, '{}', '', '/usr', '15.20');
    INSERT INTO container_revisions VALUES (10002, 1, 5, 4096);
    INSERT INTO access_tokens VALUES (10003, 'abc', 'ci', 1000, 1, 1, 0, 0, '');
    UPDATE counters SET value = 10003 WHERE name = 'id';
  )sql"));
}

int64_t VersionOf(const std::string& path) {
  const auto database = OpenDatabase(path);
  auto query = database->Prepare("PRAGMA user_version");
  REQUIRE(query);
  REQUIRE(query->Step());
  return query->Int();
}

/// Every table and index, in the words in which it was made; one that was altered is in SQLite's.
std::string SchemaOf(const std::string& path) {
  const auto database = OpenDatabase(path);
  auto query = database->Prepare("SELECT coalesce(sql, '') FROM sqlite_schema ORDER BY type, name");
  REQUIRE(query);
  std::string text;
  while (*query->Step()) text += query->Text() + ";\n";
  return text;
}

TEST_CASE("the steps are numbered without a gap, up to the schema of now") {
  int64_t version = kFirstSchemaVersion;
  for (const Migration& step : Migrations()) CHECK(step.to == ++version);
  CHECK(version == kCatalogSchemaVersion);
}

TEST_CASE("a catalog of the first schema becomes one of now, with all that was in it") {
  const ScratchDirectory scratch;
  MakeFirst(scratch / "catalog.db");
  const std::string before = Dump(scratch / "catalog.db");
  {
    const auto catalog = Open(scratch / "catalog.db");
    CHECK(catalog->images.ById(10001)->tags == std::vector<std::string>{"latest"});
    CHECK(catalog->containers.ById(10002)->port == 20001);
    CHECK(catalog->containers.ById(10002)->revisions.size() == 1);
    CHECK(catalog->tokens.List()->size() == 1);
    CHECK(*catalog->NewId() == 10004);
    CHECK(catalog->CheckIntegrity()->empty());
    REQUIRE(catalog->images.Insert(NewImage("next")));
  }
  CHECK(VersionOf(scratch / "catalog.db") == kCatalogSchemaVersion);
  { Open(scratch / "new.db"); }
  CHECK(SchemaOf(scratch / "catalog.db") == SchemaOf(scratch / "new.db"));

  const std::string copy = CopyBeforeMigration(scratch / "catalog.db", kFirstSchemaVersion);
  CHECK(copy == scratch / "catalog.pre-10");
  struct stat st {};
  REQUIRE(::stat(copy.c_str(), &st) == 0);
  CHECK((st.st_mode & 0777) == 0600);
  CHECK(Dump(copy) == before);
  CHECK(VersionOf(copy) == kFirstSchemaVersion);
  // Put in its place it is a catalog, which comes up to now once more.
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(scratch / "catalog.db" + suffix);
  std::filesystem::copy_file(copy, scratch / "catalog.db");
  CHECK(*Open(scratch / "catalog.db")->NewId() == 10004);
}

TEST_CASE("a catalog of schema 10 becomes one of now: without settings, bound to no client") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "catalog.db";
  MakeFirst(path);
  {
    const auto database = OpenDatabase(path);
    REQUIRE(ApplySteps(*database, kFirstSchemaVersion, Migrations().first(1)));
  }
  REQUIRE(VersionOf(path) == 10);
  const auto catalog = Open(path);
  CHECK(VersionOf(path) == kCatalogSchemaVersion);
  CHECK(catalog->images.ById(10001)->settings.empty());
  CHECK(catalog->containers.ById(10002)->settings.empty());
  CHECK(catalog->containers.ById(10002)->client.empty());
  CHECK(CopyBeforeMigration(path, 10) == scratch / "catalog.pre-11");
  CHECK(VersionOf(scratch / "catalog.pre-11") == 10);
}

TEST_CASE("to look into a catalog of the first schema does not change it") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "catalog.db";
  MakeFirst(path);
  const std::string before = Dump(path);
  {
    const auto catalog = Catalog::OpenToLook(path);
    REQUIRE(catalog);
    CHECK((*catalog)->containers.ById(10002)->name == "demo");
    CHECK((*catalog)->CheckIntegrity()->empty());
  }
  CHECK(VersionOf(path) == kFirstSchemaVersion);
  CHECK(Dump(path) == before);
  for (const auto& entry : std::filesystem::directory_iterator(scratch.Path()))
    CHECK(entry.path().filename() == "catalog.db");
  { Open(path); }
  CHECK((*Catalog::OpenToLook(path))->images.ById(10001)->name == "shop");
}

TEST_CASE("a catalog of now is not copied") {
  const ScratchDirectory scratch;
  { Open(scratch / "catalog.db"); }
  { Open(scratch / "catalog.db"); }
  for (const auto& entry : std::filesystem::directory_iterator(scratch.Path()))
    CHECK(entry.path().filename() == "catalog.db");
}

TEST_CASE("a step that fails leaves the catalog at the one before, and the copy of what was at the start") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "catalog.db";
  MakeFirst(path);
  const std::string before = Dump(path);
  const std::string copy = CopyBeforeMigration(path, kFirstSchemaVersion);
  struct Bad {
    std::string_view what;
    const char* sql;
    ErrorCode code;
  };
  for (const Bad& bad : {
           Bad{"not SQL", "UPDATE images SET one = 'x'; CREATE NONSENSE", ErrorCode::kInternal},
           Bad{"a constraint", "UPDATE images SET one = 'x'; UPDATE images SET state = 'blue'",
               ErrorCode::kAlreadyExists},
           Bad{"a row that is missed", "UPDATE images SET one = 'x'; DELETE FROM images",
               ErrorCode::kCorrupt},
       }) {
    INFO(bad.what);
    const std::array steps{kSteps[0], Migration{11, bad.sql}};
    std::filesystem::remove(copy);
    const auto database = OpenDatabase(path);
    const int64_t version = VersionOf(path);
    const auto migrated = Migrate(*database, path, version, steps);
    REQUIRE_FALSE(migrated);
    CHECK(migrated.error().code == bad.code);
    CHECK(migrated.error().message.find("from schema 10 to 11") != std::string::npos);
    CHECK(!migrated.error().hint.empty());
    CHECK(VersionOf(path) == 10);
    CHECK(Dump(path).find("'x'") == std::string::npos);
    if (version == kFirstSchemaVersion) CHECK(Dump(copy) == before);
  }
  const auto database = OpenDatabase(path);
  REQUIRE(Migrate(*database, path, 10, kSteps));
  CHECK(VersionOf(path) == 11);
  CHECK(VersionOf(CopyBeforeMigration(path, 10)) == 10);
}

TEST_CASE("a step can make a table anew that others refer to") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "catalog.db";
  MakeFirst(path);
  const auto database = OpenDatabase(path);
  REQUIRE(database->Execute("PRAGMA foreign_keys = ON"));
  const std::array steps{Migration{10, R"sql(
    CREATE TABLE containers_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    INSERT INTO containers_new SELECT id, name FROM containers;
    DROP TABLE containers;
    ALTER TABLE containers_new RENAME TO containers;
  )sql"}};
  REQUIRE(Migrate(*database, path, kFirstSchemaVersion, steps));
  CHECK(Dump(path).find("container_revisions|10002|1|5|4096|") != std::string::npos);
  // They are enforced again.
  CHECK_FALSE(database->Execute("INSERT INTO container_revisions VALUES (7, 1, 1, 1)"));
  REQUIRE(database->Execute("DELETE FROM containers"));
  CHECK(Dump(path).find("container_revisions") == std::string::npos);
}

/// Migrates in a process of its own that is killed before its statement number `statement`. False: it came to
/// its end.
bool KilledAt(const std::string& path, int statement) {
  const pid_t child = ::fork();
  if (child == 0) {
    WatchStatements(Fault::kKilled);
    auto database = Database::Open(path);
    if (!database) ::_exit(2);
    statements_left = statement;
    ::_exit(Migrate(**database, path, kFirstSchemaVersion, kSteps) ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) return true;
  REQUIRE(WEXITSTATUS(status) == 0);
  return false;
}

TEST_CASE("a migration that is killed leaves the schema before or after a step, whole, and a whole copy") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "catalog.db";
  const std::string copy = CopyBeforeMigration(path, kFirstSchemaVersion);
  const std::string sample = scratch / "sample.db";
  MakeFirst(sample);
  const std::string before = Dump(sample);
  std::array<std::string, 3> wanted{before, "", ""};
  for (size_t count : {1U, 2U}) {
    std::filesystem::copy_file(sample, scratch / "after.db");
    const auto database = OpenDatabase(scratch / "after.db");
    REQUIRE(Migrate(*database, scratch / "after.db", kFirstSchemaVersion, std::span(kSteps).first(count)));
    wanted.at(count) = Dump(scratch / "after.db");
    std::filesystem::remove(scratch / "after.db");
  }
  std::array<int, 3> seen{};
  bool killed = true;
  for (int statement = 0; killed; ++statement) {
    REQUIRE(statement < 200);
    INFO("killed before statement " << statement);
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) std::filesystem::remove(path + suffix);
    std::filesystem::remove(copy);
    std::filesystem::copy_file(sample, path);
    killed = KilledAt(path, statement);
    const auto version = static_cast<size_t>(VersionOf(path) - kFirstSchemaVersion);
    REQUIRE(version < wanted.size());
    CHECK(Dump(path) == wanted.at(version));
    ++seen.at(version);
    const bool copied = std::filesystem::exists(copy);
    CHECK((copied || version == 0));
    if (copied) CHECK(Dump(copy) == before);
    // The next start finishes it, whatever the last one left beside it.
    const auto database = OpenDatabase(path);
    REQUIRE(Migrate(*database, path, kFirstSchemaVersion + static_cast<int64_t>(version), kSteps));
    CHECK(Dump(path) == wanted[2]);
  }
  for (const int times : seen) CHECK(times > 0);
}

TEST_CASE("on a full disk a migration is kNoSpace, and the catalog is as it was") {
  if (::geteuid() != 0) {
    WARN("skipped: needs root");
    return;
  }
  const ScratchDirectory scratch;
  const pid_t child = ::fork();
  if (child == 0) {
    // A small disk of its own, seen by this process only.
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      ::_exit(10);
    if (::mount("tmpfs", scratch.Path().c_str(), "tmpfs", 0, "size=4M") != 0) ::_exit(11);
    const std::string path = scratch / "catalog.db";
    MakeFirst(path);
    const std::string before = Dump(path);
    const auto database = OpenDatabase(path);
    // No room for the copy; then room for that, and none for the step.
    std::ofstream(scratch / "ballast") << std::string(3'300'000, 'x');
    auto migrated = Migrate(*database, path, kFirstSchemaVersion, kSteps);
    if (migrated || migrated.error().code != ErrorCode::kNoSpace) ::_exit(12);
    if (Dump(path) != before || std::filesystem::exists(CopyBeforeMigration(path, kFirstSchemaVersion)))
      ::_exit(13);
    std::filesystem::remove(scratch / "ballast");
    const std::array large{Migration{10, "UPDATE images SET detail = hex(randomblob(3000000))"}};
    migrated = Migrate(*database, path, kFirstSchemaVersion, large);
    if (migrated || migrated.error().code != ErrorCode::kNoSpace) ::_exit(14);
    if (Dump(path) != before || VersionOf(path) != kFirstSchemaVersion) ::_exit(15);
    if (Dump(CopyBeforeMigration(path, kFirstSchemaVersion)) != before) ::_exit(16);
    ::_exit(Migrate(*database, path, kFirstSchemaVersion, kSteps) ? 0 : 17);
  }
  CHECK(WaitForExit(child) == 0);
}

}  // namespace
}  // namespace spawnd::daemon
