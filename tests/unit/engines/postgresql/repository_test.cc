/// What is asked of backup tools, and which of their backups is chosen.
#include "engines/postgresql/repository/repository.h"

#include <algorithm>

#include "engines/postgresql/postgresql_engine.h"
#include "tests/support/catch.h"

namespace spawnd::engines::postgresql {
namespace {

using Catch::Matchers::Contains;

const std::vector<Installation> kHere{{"postgresql", "15.18", "/usr/lib/postgresql/15"},
                                      {"postgresql", "11.22", "/opt/11"}};

FetchRequest Request(const std::string& tool) {
  FetchRequest request;
  request.repository.tool = tool;
  request.repository.path = "/srv/repo";
  request.folder = "/var/tmp/mine";
  return request;
}

/// As kListScript of pgbackrest.cc prints it of two stanzas.
constexpr const char* kList =
    "S main\nT ok\nW 15 000000010000000000000001/000000010000000000000009\n"
    "B 20261128-094652F\nE 2026-11-28T09:47:01\nL 000000010000000000000002 / 000000010000000000000003\n"
    "B 20261128-094652F_20261128-100000I\nE 2026-11-28T10:00:05\n"
    "L 000000010000000000000005 / 000000010000000000000005\n"
    "S empty\nT error (no valid backups)\nW 15 none present\n"
    "S old\nT ok\nW 9.6 000000010000000000000001/000000010000000000000002\nB 20200101-000000F\n"
    "E 2020-01-01T00:00:05\nL 000000010000000000000001 / 000000010000000000000001\n"
    "S closed\nT error (other)\nD unable to open '/srv/repo/backup/closed/backup.info' for read: [13] "
    "Permission denied\n";

Result<FetchPlan> Planned(FetchRequest request, const std::string& list = kList) {
  request.answers = {"1.0", list};
  return PostgresqlEngine().PlanRepository(request, kHere);
}

bool Has(const FetchCommand& command, const std::string& argument) {
  return std::find(command.arguments.begin(), command.arguments.end(), argument) != command.arguments.end();
}

TEST_CASE("A repository is asked for its backups first, by a tool that has to be there", "[repository]") {
  for (const char* tool : {"pgbackrest", "barman", "wal-g"}) {
    FetchRequest request = Request(tool);
    if (std::string(tool) == "barman") request.repository.stanza = "shop";
    const auto plan = PostgresqlEngine().PlanRepository(request, kHere);
    REQUIRE(plan);
    CHECK_FALSE(plan->complete);
    REQUIRE(plan->commands.size() == 2);
    CHECK(plan->commands[0].programs == std::vector<std::string>{tool});
    CHECK_FALSE(plan->commands[0].install_hint.empty());
    for (const FetchCommand& command : plan->commands) CHECK(command.output == FetchCommand::Output::kAnswer);
  }
  CHECK(PostgresqlEngine().PlanRepository(Request("tar"), kHere).error().code == ErrorCode::kInvalidArgument);
}

TEST_CASE("Of pgBackRest's backups the newest is chosen, or the newest before a point in time",
          "[repository]") {
  FetchRequest request = Request("pgbackrest");
  request.repository.stanza = "main";
  const auto newest = Planned(request);
  REQUIRE(newest);
  CHECK(newest->complete);
  CHECK(newest->version == "15");
  CHECK(newest->backup_folder == "/var/tmp/mine/restored");
  CHECK(newest->wal_folder == "/var/tmp/mine/wal");
  REQUIRE(newest->commands.size() == 2);
  CHECK(Has(newest->commands[0], "20261128-094652F_20261128-100000I"));
  CHECK(Has(newest->commands[0], "--no-config"));
  CHECK(Has(newest->commands[0], "--repo1-path=/srv/repo"));
  CHECK(Has(newest->commands[0], "--stanza=main"));
  CHECK(Has(newest->commands[1], "000000010000000000000005"));
  CHECK(Has(newest->commands[1], "000000010000000000000009"));
  request.repository.at = "2026-11-28T09:59:00.5Z";
  const auto before = Planned(request);
  REQUIRE(before);
  CHECK(Has(before->commands[0], "20261128-094652F"));
  CHECK(Has(before->commands[1], "2026-11-28 09:59:00.500000"));
  CHECK(Has(before->commands[1], "/usr/lib/postgresql/15/bin/pg_waldump"));
  // Its own log, and no more of it.
  request.repository.at = "immediate";
  request.repository.backup = "20261128-094652F";
  const auto immediate = Planned(request);
  REQUIRE(immediate);
  CHECK(Has(immediate->commands[1], "000000010000000000000003"));
  CHECK_FALSE(Has(immediate->commands[1], "000000010000000000000009"));
}

TEST_CASE("What is not in a repository is said, with what is", "[repository]") {
  const auto error = [](const std::string& stanza, const std::string& backup = "",
                        const std::string& at = "") {
    FetchRequest request = Request("pgbackrest");
    request.repository.stanza = stanza;
    request.repository.backup = backup;
    request.repository.at = at;
    const auto plan = Planned(request);
    REQUIRE_FALSE(plan);
    return plan.error();
  };
  CHECK(error("mian").code == ErrorCode::kNotFound);
  CHECK_THAT(error("mian").message, Contains("has no stanza 'mian'; it has main, empty, old, closed"));
  CHECK_THAT(error("empty").message, Contains("has no backup"));
  CHECK_THAT(error("main", "x").message, Contains("has no backup 'x'; it has 20261128-094652F, "));
  CHECK_THAT(error("main", "", "2026-11-28T09:00:00Z").message, Contains("ended at 2026-11-28T09:47:01Z"));
  CHECK(error("closed").code == ErrorCode::kForbidden);
  CHECK(error("old").code == ErrorCode::kUnsupported);
  CHECK_THAT(error("old").message, Contains("is of PostgreSQL 9.6, and here is 15.18, 11.22"));
  CHECK(error("").code == ErrorCode::kInvalidArgument);
  CHECK_THAT(error("").message, Contains("several stanzas: main, empty, old, closed"));
  FetchRequest request = Request("pgbackrest");
  request.version = "11";
  request.repository.stanza = "main";
  CHECK_THAT(Planned(request).error().message, Contains("is of PostgreSQL 15, and `version: 11`"));
}

TEST_CASE("A repository that cannot be looked at says why", "[repository]") {
  const std::string list =
      "S [invalid]\nT error (other)\nD unable to list file info for path '/srv/repo/backup': [13] Permission "
      "denied\n";
  for (const char* stanza : {"", "main"}) {
    FetchRequest request = Request("pgbackrest");
    request.repository.stanza = stanza;
    const auto plan = Planned(request, list);
    REQUIRE_FALSE(plan);
    CHECK(plan.error().code == ErrorCode::kForbidden);
    CHECK_THAT(plan.error().message, Contains("repository '/srv/repo' cannot be read: unable to list"));
  }
}

TEST_CASE("Of one stanza its name need not be said", "[repository]") {
  const std::string list(std::string_view(kList).substr(0, std::string_view(kList).find("S empty")));
  const auto plan = Planned(Request("pgbackrest"), list);
  REQUIRE(plan);
  CHECK(Has(plan->commands[0], "--stanza=main"));
}

TEST_CASE("Barman's servers have names, which become part of a file", "[repository]") {
  FetchRequest request = Request("barman");
  for (const char* name : {"", "a]b", "a\nb", "../a", "barman", "a b"}) {
    request.repository.stanza = name;
    CHECK(PostgresqlEngine().PlanRepository(request, kHere).error().code == ErrorCode::kInvalidArgument);
  }
  request.repository.stanza = "shop";
  CHECK_THAT(Planned(request, "S a b\n").error().message,
             Contains("there is no server 'shop' in '/srv/repo'; there is a b"));
  request.repository.at = "2026-11-28T09:59:00Z";
  const auto plan =
      Planned(request,
              "B 20261128T095209 15 2026-11-28T09:52:12 000000010000000000000008 000000010000000000000008\n"
              "B 20261128T105209 15 2026-11-28T10:52:12 000000010000000000000018 000000010000000000000018\n");
  REQUIRE(plan);
  CHECK(Has(plan->commands[0], "20261128T095209"));
  CHECK(Has(plan->commands[0], "2026-11-28 09:59:00.000000+00:00"));
  request.repository.config_file = "/etc/barman.conf";
  CHECK_THAT(PostgresqlEngine().PlanRepository(request, kHere).error().message, Contains("both say"));
}

TEST_CASE("WAL-G's backups say in their names where their log begins", "[repository]") {
  const std::string list =
      "B base_000000010000000000000004 15 2026-11-28T09:52:12\nN 000000010000000000000007\n";
  const auto plan = Planned(Request("wal-g"), list);
  REQUIRE(plan);
  CHECK(Has(plan->commands[0], "base_000000010000000000000004"));
  CHECK(Has(plan->commands[1], "000000010000000000000004"));
  CHECK(Has(plan->commands[1], "000000010000000000000007"));
  CHECK(plan->commands[1].arguments.back() == "");
  CHECK(Planned(Request("wal-g"), "B base_000000010000000000000004 15 2026-11-28T09:52:12\n").error().code ==
        ErrorCode::kNotFound);
}

}  // namespace
}  // namespace spawnd::engines::postgresql
