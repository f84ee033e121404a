/// What a standby of PostgreSQL is started with and what is read from what programs and servers say.
#include "engines/postgresql/standby/recipe.h"

#include <algorithm>

#include "engines/postgresql/postgresql_engine.h"
#include "engines/postgresql/standby/conninfo.h"
#include "tests/support/catch.h"

namespace spawnd::engines::postgresql {
namespace {

Launch Standby() {
  Launch launch;
  launch.installation.version = "15.14";
  launch.paths = {"/engine", "/data", "/socket", "/tls.crt", "/tls.key", "/settings"};
  launch.endpoint = {"127.0.0.1", 20001};
  launch.purpose = Purpose::kFollow;
  launch.primary =
      Primary{"db.example", 5433, "it's", "pass:w\\ord", "spawnd_1_abc", {{"sslmode", "verify-full"}}, {}};
  launch.primary->files = {{"sslrootcert", "PEM"}};
  return launch;
}

std::string FileOf(const Launch& launch, std::string_view name) {
  for (const SettingsFile& file : PostgresqlEngine().SettingsFiles(launch)) {
    if (file.name == name) return file.content;
  }
  return "none";
}

TEST_CASE("the password stands in a file of its own and in no other, nor in an argument") {
  const Launch launch = Standby();
  CHECK(FileOf(launch, "primary.pass") == "*:*:*:*:pass\\:w\\\\ord\n");
  CHECK(FileOf(launch, "postgresql.conf").find("w\\ord") == std::string::npos);
  const Recipe recipe;
  for (const Command& command :
       {recipe.AskPrimary(launch), recipe.CopyCommand(launch), recipe.DropSlot(launch),
        recipe.PrepareStart(launch), recipe.AskStandby(launch), PostgresqlEngine().StartCommand(launch)}) {
    for (const std::string& argument : command.argv) CHECK(argument.find("w\\ord") == std::string::npos);
    for (const std::string& variable : command.env) CHECK(variable.find("w\\ord") == std::string::npos);
  }
}

TEST_CASE("a standby connects by name to where the keeper makes the connection") {
  const Launch launch = Standby();
  const std::string info = ConnectionInfo(launch);
  CHECK(info.find("host='db.example' hostaddr='127.0.0.1' port='5433' user='it\\'s'") == 0);
  CHECK(info.find(" sslmode='verify-full' sslrootcert='/settings/primary.sslrootcert'") != std::string::npos);
  CHECK(FileOf(launch, "primary.sslrootcert") == "PEM");
  const std::string settings = FileOf(launch, "postgresql.conf");
  CHECK(settings.find("include '/socket/standby.conf'\n") != std::string::npos);
  CHECK(settings.find("primary_slot_name = 'spawnd_1_abc'\n") != std::string::npos);
  CHECK(settings.find("user=''it\\\\''s''") != std::string::npos);
  CHECK(FileOf(launch, "pg_hba.conf").find("host") == std::string::npos);
}

TEST_CASE("a standby is started with settings of ours, and makes no files itself") {
  const Launch launch = Standby();
  const auto argv = PostgresqlEngine().StartCommand(launch).argv;
  CHECK(std::find(argv.begin(), argv.end(), "config_file=/settings/postgresql.conf") != argv.end());
  CHECK(PostgresqlEngine().InitialiseCommand(launch).argv.empty());
}

TEST_CASE("a primary is read, with a slot, without one, and of a server that does not tell") {
  const Recipe recipe;
  const auto with =
      recipe.ReadPrimary("15.14 (Debian 15.14-0+deb12u1)\n7300|1|1/30001A8|\nphysical|0/FF|1\n");
  REQUIRE(with);
  CHECK(with->version == "15.14");
  CHECK(with->identity == "7300");
  CHECK(with->position == 0x1030001A8U);
  CHECK(with->has_slot);
  CHECK(with->kept_from == 0xFFU);
  const auto without = recipe.ReadPrimary("15.14\n7300|1|0/30001A8|\n||\n");
  REQUIRE(without);
  CHECK_FALSE(without->has_slot);
  CHECK(recipe.ReadPrimary("13.1\n7300|1|0/30001A8|\n")->has_slot);
  for (const char* nonsense : {"", "15.14\n", "15.14\nERROR\n", "x\n7300|1|0/3|\n"})
    CHECK_FALSE(recipe.ReadPrimary(nonsense));
}

TEST_CASE("a standby's state is read, and positions are written as they were") {
  const Recipe recipe;
  const auto state = recipe.ReadStandby("1/A0|1/9F|1|f\n");
  REQUIRE(state);
  CHECK(recipe.PositionText(state->received) == "1/A0");
  CHECK(recipe.PositionText(state->replayed) == "1/9F");
  CHECK(state->connected);
  CHECK_FALSE(state->paused);
  CHECK(recipe.ReadStandby("0/1|0/1|0|t\n")->paused);
  CHECK_FALSE(recipe.ReadStandby("psql: error: no\n"));
}

TEST_CASE("only a server of the same major version, 12 or later, is followed") {
  const Recipe recipe;
  Installation installed;
  installed.version = "15.3";
  PrimaryState primary;
  primary.version = "15.14";
  CHECK(recipe.CanFollow(installed, primary));
  primary.version = "17.9";
  CHECK(recipe.CanFollow(installed, primary).error().code == ErrorCode::kUnsupported);
  installed.version = "11.22";
  CHECK(recipe.CanFollow(installed).error().message.find("11.22") != std::string::npos);
}

TEST_CASE("what a connection says is completed, and what would lead elsewhere is refused") {
  const Recipe recipe;
  const auto complete = recipe.Complete(Primary{}, "ann");
  REQUIRE(complete);
  CHECK(complete->host == "localhost");
  CHECK(complete->port == 5432);
  CHECK(complete->user == "ann");
  for (Primary bad :
       {Primary{"/run/postgresql", 0, "", "", "", {}, {}}, Primary{"a,b", 0, "", "", "", {}, {}},
        Primary{"a", 0, "x\ny", "", "", {}, {}}, Primary{"a", 0, "", "", "", {{"hostaddr", "1.2.3.4"}}, {}},
        Primary{"a", 0, "", "", "", {{"sslmode", "a\nb"}}, {}}}) {
    CHECK_FALSE(recipe.Complete(std::move(bad), "ann"));
  }
}

TEST_CASE("~/.pgpass is read as libpq reads it") {
  const Recipe recipe;
  const Primary primary{"db", 5432, "replica", "", "", {}, {}};
  CHECK(recipe.PasswordIn(
            "# a comment\ndb:5433:*:replica:no\ndb:5432:shop:replica:no\ndb:*:*:replica:a\\:b\\\\:c\n",
            primary) == "a:b\\:c");
  CHECK(recipe.PasswordIn("*:*:replication:replica:yes", primary) == "yes");
  CHECK(recipe.PasswordIn("db:5432:*:other:no\n", primary).empty());
}

TEST_CASE("progress of a copy is read") {
  const auto progress = Recipe().ReadProgress("  23456/123456 kB (19%), 0/1 tablespace");
  REQUIRE(progress);
  CHECK(progress->bytes_done == 23456U * 1024);
  CHECK(progress->bytes_total == 123456U * 1024);
  CHECK_FALSE(Recipe().ReadProgress("waiting for checkpoint"));
}

TEST_CASE("refusals say what, where and what to do, without the container's own address") {
  const Recipe recipe;
  const Primary primary{"db", 5432, "replica", "", "", {}, {}};
  const std::string prefix = "psql: error: connection to server at \"db\" (127.0.0.1), port 5432 failed: ";
  const Error refused =
      recipe.Explain(primary, prefix + "Connection refused\n\tIs the server running on that host?");
  CHECK(refused.code == ErrorCode::kUnavailable);
  CHECK(refused.message == "server replica@db:5432: Connection refused");
  const Error password =
      recipe.Explain(primary, prefix + "FATAL:  password authentication failed for user \"replica\"");
  CHECK(password.code == ErrorCode::kForbidden);
  CHECK(password.message.find("127.0.0.1") == std::string::npos);
  CHECK(recipe.Explain(primary, prefix + "FATAL:  no pg_hba.conf entry for replication connection")
            .hint.find("pg_hba") != std::string::npos);
  CHECK(recipe.Explain(primary, "").code == ErrorCode::kInvalidArgument);
}

TEST_CASE("what will not pass by itself is told from the log, unless it has passed") {
  const Recipe recipe;
  const Primary primary{"db", 5432, "replica", "", "spawnd_1_abc", {}, {}};
  const std::string gone =
      "LOG:  x\nFATAL:  could not start WAL streaming: ERROR:  replication slot \"spawnd_1_abc\" does not "
      "exist\n";
  REQUIRE(recipe.Broken(primary, gone));
  CHECK(recipe.Broken(primary, gone)->message.find("spawnd_1_abc") != std::string::npos);
  CHECK_FALSE(
      recipe.Broken(primary, gone + "LOG:  started streaming WAL from primary at 0/3 on timeline 1\n"));
  CHECK(recipe.Broken(primary,
                      "FATAL:  requested WAL segment 000000010000000000000003 has already been removed\n"));
  CHECK(
      recipe.Broken(primary, "FATAL:  database system identifier differs between the primary and standby\n"));
  CHECK(recipe.Broken(primary,
                      "LOG:  new timeline 2 forked off current database system timeline 1 before 0/5\n"));
  CHECK_FALSE(
      recipe.Broken(primary, "FATAL:  could not connect to the primary server: Connection refused\n"));
  CHECK_FALSE(recipe.Broken(primary, "ERROR:  relation \"x\" does not exist\n"));
}

}  // namespace
}  // namespace spawnd::engines::postgresql
