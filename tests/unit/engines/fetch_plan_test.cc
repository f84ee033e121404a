/// What each engine has a client run to get data from a running server. That the tools take it, and what they
/// do, the end-to-end test `servers` shows with real servers.
#include <algorithm>

#include "engines/registry.h"
#include "tests/support/catch.h"

using namespace spawnd;
using namespace spawnd::engines;
using Catch::Matchers::Contains;

namespace {

Installation Installed(const std::string& engine, const std::string& version, const std::string& root) {
  Installation one;
  one.engine = engine;
  one.version = version;
  one.root = root;
  return one;
}

const std::vector<Installation> kInstalled{
    Installed("postgresql", "17.9", "/opt/pg17"), Installed("postgresql", "15.18", "/usr/lib/postgresql/15"),
    Installed("mariadb", "10.11.19", "/usr"),     Installed("mysql", "9.7.4", "/opt/mysql"),
    Installed("redis", "7.0.15", "/usr"),         Installed("valkey", "9.1.2", "/opt/valkey")};

FetchRequest From(const std::string& database = {}, std::vector<std::string> answers = {}) {
  FetchRequest request;
  request.connection.host = "db.example";
  request.connection.user = "o'brien";
  request.connection.database = database;
  request.has_password = true;
  request.folder = "/var/tmp/private";
  request.answers = std::move(answers);
  return request;
}

const Engine& The(const char* name) {
  const auto engine = FindEngine(name);
  REQUIRE(engine);
  return **engine;
}

FetchPlan Plan(const char* engine, const FetchRequest& request) {
  auto plan = The(engine).PlanFetch(request, kInstalled);
  if (!plan) FAIL(plan.error().message);
  REQUIRE(plan->commands.size() == 1);
  return std::move(*plan);
}

Error Refused(const char* engine, const FetchRequest& request) {
  const auto plan = The(engine).PlanFetch(request, kInstalled);
  REQUIRE_FALSE(plan);
  return plan.error();
}

bool Has(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += word + "\n";
  return text;
}

const std::string kPostgres = "version 150018\nrecovery f\ndatabase shop\nbytes 5000000\n";
const std::string kMaria = "version 10.11.19-MariaDB-log\ndatadir /var/lib/mysql/\nother 2\ndatabase shop\n";

}  // namespace

TEST_CASE("fetch plan: PostgreSQL is asked first, and told nothing that others may see") {
  const FetchPlan plan = Plan("postgresql", From());
  CHECK_FALSE(plan.complete);
  const FetchCommand& psql = plan.commands.front();
  CHECK(psql.title == "asking db.example:5432 what it is");
  CHECK(psql.output == FetchCommand::Output::kAnswer);
  CHECK(psql.programs.front().ends_with("/psql"));
  CHECK(psql.programs.back() == "psql");
  CHECK(psql.deadline_seconds > 0);
  const std::string words = Joined(psql.arguments);
  CHECK_THAT(words, Contains("host='db.example'") && Contains("user='o\\'brien'") &&
                        Contains("dbname='postgres'") && Contains("passfile='/proc/self/fd/3'") &&
                        Contains("connect_timeout"));
  CHECK(psql.secret.as == FetchSecret::As::kFile);
  const std::pair<std::string, std::string> callers{"PGPASSWORD", ""};
  CHECK(std::find(psql.environment.begin(), psql.environment.end(), callers) != psql.environment.end());
  FetchRequest without = From();
  without.has_password = false;
  const FetchPlan own = Plan("postgresql", without);
  CHECK(own.commands.front().secret.as == FetchSecret::As::kNot);
  CHECK_THAT(Joined(own.commands.front().arguments), !Contains("passfile"));
}

TEST_CASE("fetch plan: a dump of PostgreSQL, by the program of the server's major version or a later one") {
  FetchRequest request = From("", {kPostgres});
  request.jobs = 3;
  const FetchPlan plan = Plan("postgresql", request);
  CHECK(plan.complete);
  CHECK(plan.database == "shop");
  CHECK(plan.version == "15");
  CHECK(plan.backup_folder == "/var/tmp/private/dump");
  CHECK(plan.backup_name == "shop of db.example:5432");
  const FetchCommand& dump = plan.commands.front();
  CHECK(dump.programs.front() == "/usr/lib/postgresql/15/bin/pg_dump");
  CHECK(Has(dump.programs, "/opt/pg17/bin/pg_dump"));
  CHECK_FALSE(Has(dump.programs, "/usr/lib/postgresql/14/bin/pg_dump"));
  CHECK(Has(dump.arguments, "3"));
  CHECK(Has(dump.arguments, "/var/tmp/private/dump"));
  CHECK_FALSE(Has(dump.arguments, "--no-unlogged-table-data"));
  CHECK(dump.grows == plan.backup_folder);
  CHECK(Has(Plan("postgresql", From("", {"version 160001\nrecovery t\n"})).commands.front().arguments,
            "--no-unlogged-table-data"));
}

TEST_CASE("fetch plan: which database, and which version of PostgreSQL gets it") {
  CHECK(Plan("postgresql", From("other", {kPostgres + "database other\n"})).database == "other");
  CHECK(Plan("postgresql", From("", {"version 150018\n"})).database == "postgres");
  const Error several = Refused("postgresql", From("", {kPostgres + "database other\n"}));
  CHECK(several.code == ErrorCode::kInvalidArgument);
  CHECK_THAT(several.message, Contains("shop, other"));
  // The next later one that is here; none is: the newest, with a warning.
  CHECK(Plan("postgresql", From("x", {"version 160003\n"})).version == "17");
  const FetchPlan newer = Plan("postgresql", From("x", {"version 180001\n"}));
  CHECK(newer.version.empty());
  REQUIRE(newer.warnings.size() == 1);
  CHECK_THAT(newer.warnings.front(), Contains("18.1") && Contains("17.9, 15.18"));
  CHECK(Refused("postgresql", From("x", {"version 90624\n"})).code == ErrorCode::kUnsupported);
  CHECK(Refused("postgresql", From("x", {"what?\n"})).code == ErrorCode::kIo);
}

TEST_CASE("fetch plan: a physical copy of PostgreSQL is for the same major version") {
  FetchRequest request = From("", {kPostgres});
  request.physical = true;
  const FetchPlan plan = Plan("postgresql", request);
  CHECK(plan.version == "15");
  CHECK(plan.commands.front().expected_bytes == 5000000);
  CHECK(Has(plan.commands.front().programs, "/usr/lib/postgresql/15/bin/pg_basebackup"));
  CHECK(plan.commands.front().grows == plan.backup_folder);
  request.version = "17";
  CHECK(Refused("postgresql", request).code == ErrorCode::kInvalidArgument);
  request.version = "15.0";
  CHECK(Plan("postgresql", request).version == "15");
  request.version.clear();
  request.answers = {"version 160001\n"};
  const Error other = Refused("postgresql", request);
  CHECK(other.code == ErrorCode::kUnsupported);
  CHECK_THAT(other.message, Contains("16.1") && Contains("installed: 17.9, 15.18"));
  CHECK_THAT(other.hint, Contains("method: dump"));
}

TEST_CASE("fetch plan: a dump of MariaDB and of MySQL") {
  FetchRequest request = From("", {kMaria});
  request.connection.port = 3307;
  const FetchPlan plan = Plan("mariadb", request);
  CHECK(plan.database == "shop");
  CHECK(plan.version == "10.11");
  CHECK_THAT(Joined(plan.warnings), Contains("2 tables"));
  const FetchCommand& dump = plan.commands.front();
  CHECK(dump.arguments.front() == "--defaults-file=/proc/self/fd/3");
  CHECK(dump.arguments.back() == "shop");
  CHECK(Has(dump.arguments, "--port=3307"));
  CHECK(Has(dump.arguments, "--single-transaction"));
  CHECK(dump.output == FetchCommand::Output::kBackup);
  CHECK(dump.programs.front() == "/usr/bin/mariadb-dump");
  const FetchPlan mysql = Plan("mysql", From("-x", {"version 9.7.4\nother 0\n"}));
  CHECK(mysql.version == "9.7");
  CHECK(mysql.warnings.empty());
  CHECK(mysql.commands.front().programs.front() == "/opt/mysql/bin/mysqldump");
  CHECK(*std::prev(mysql.commands.front().arguments.end(), 2) == "--");
  CHECK(Refused("mariadb", From("", {"version 10.11.19-MariaDB\n"})).code == ErrorCode::kInvalidArgument);
  FetchRequest socket = From("shop", {kMaria});
  socket.connection.host = "/run/mysqld/mysqld.sock";
  CHECK(Has(Plan("mariadb", socket).commands.front().arguments, "--socket=/run/mysqld/mysqld.sock"));
  CHECK(Plan("mariadb", socket).backup_name == "shop of /run/mysqld/mysqld.sock");
}

TEST_CASE("fetch plan: what stands for TLS is never passed over") {
  FetchRequest request = From("shop", {kMaria});
  request.connection.ssl_mode = "verify-full";
  request.connection.ssl_root_cert = "/ca.pem";
  const auto maria = Plan("mariadb", request).commands.front().arguments;
  CHECK(Has(maria, "--ssl-verify-server-cert"));
  CHECK(Has(maria, "--ssl-ca=/ca.pem"));
  CHECK(Has(Plan("mysql", request).commands.front().arguments, "--ssl-mode=VERIFY_IDENTITY"));
  request.answers.clear();
  const auto redis = Plan("redis", request).commands.front().arguments;
  CHECK(Has(redis, "--tls"));
  CHECK_FALSE(Has(redis, "--insecure"));
}

TEST_CASE("fetch plan: a physical copy of MariaDB is for the same version, of MySQL there is none") {
  FetchRequest request = From("", {kMaria});
  request.physical = true;
  const FetchPlan plan = Plan("mariadb", request);
  CHECK(Has(plan.commands.front().arguments, "--datadir=/var/lib/mysql/"));
  CHECK(plan.version == "10.11");
  request.answers = {"version 11.4.2-MariaDB\n"};
  CHECK(Refused("mariadb", request).code == ErrorCode::kUnsupported);
  CHECK_THAT(Refused("mysql", request).hint, Contains("method: dump"));
}

TEST_CASE("fetch plan: a snapshot of Redis and of Valkey") {
  FetchRequest request = From();
  request.connection.user.clear();
  const FetchPlan ask = Plan("redis", request);
  CHECK(ask.commands.front().arguments.back() == "INFO");
  CHECK(ask.commands.front().secret.as == FetchSecret::As::kInput);
  CHECK(Has(ask.commands.front().arguments, "--askpass"));
  request.answers = {"# Server\r\nredis_version:7.0.15\r\ncluster_enabled:1\r\n"};
  const FetchPlan plan = Plan("redis", request);
  CHECK(plan.complete);
  CHECK(plan.commands.front().output == FetchCommand::Output::kBackup);
  CHECK_THAT(Joined(plan.warnings), Contains("cluster"));
  request.answers = {"redis_version:8.2.1\r\n"};
  const Error newer = Refused("redis", request);
  CHECK(newer.code == ErrorCode::kUnsupported);
  CHECK_THAT(newer.message, Contains("8.2.1") && Contains("installed: 7.0.15"));
  request.answers = {"NOAUTH Authentication required.\n"};
  CHECK(Refused("redis", request).code == ErrorCode::kUnauthenticated);
  request.answers = {"redis_version:7.2.4\r\nvalkey_version:9.1.2\r\n"};
  CHECK(Plan("valkey", request).commands.front().programs.front() == "/opt/valkey/bin/valkey-cli");
  request.physical = true;
  CHECK(Refused("redis", request).code == ErrorCode::kUnsupported);
}

TEST_CASE("fetch plan: what cannot be fetched from, and URLs of other products") {
  CHECK(Refused("mssql", From()).code == ErrorCode::kUnsupported);
  CHECK_THAT(Refused("mssql", From()).hint, Contains("sourceType: backup"));
  FetchRequest request = From();
  request.connection.scheme = "mysql";
  CHECK_THAT(Refused("postgresql", request).message, Contains("mysql://") && Contains("PostgreSQL"));
  CHECK_THAT(Refused("redis", request).message, Contains("mysql://"));
}

TEST_CASE("fetch plan: what a user may not see of MariaDB and MySQL is warned of, by the right he lacks") {
  const auto warnings = [](const char* engine, const std::string& answer) {
    const FetchPlan plan = Plan(engine, From("shop", {answer}));
    return Joined(plan.warnings);
  };
  CHECK(warnings("mariadb", "version 10.11.19-MariaDB\nroutines 1\nversioned 0\n").empty());
  CHECK_THAT(warnings("mariadb", "version 10.11.19-MariaDB\nroutines 0\n"), Contains("SELECT on mysql.proc"));
  CHECK_THAT(warnings("mysql", "version 5.7.44\nroutines 0\n"), Contains("SELECT on mysql.proc"));
  CHECK_THAT(warnings("mysql", "version 8.0.11\nroutines 0\n"), Contains("SELECT on *.*"));
  CHECK_THAT(warnings("mysql", "version 9.7.4\nroutines 0\n"), Contains("SHOW_ROUTINE"));
}

TEST_CASE("fetch plan: the history of MariaDB's tables, where server and tool have it") {
  const auto dump = [](const std::string& answer) { return Plan("mariadb", From("shop", {answer})); };
  const FetchPlan kept = dump("version 10.11.19-MariaDB\nversioned 3\n");
  CHECK(Has(kept.commands.front().arguments, "--loose-dump-history"));
  CHECK(kept.warnings.empty());
  const FetchPlan lost = dump("version 10.6.19-MariaDB\nversioned 3\n");
  CHECK_FALSE(Has(lost.commands.front().arguments, "--loose-dump-history"));
  CHECK_THAT(Joined(lost.warnings), Contains("history"));
  CHECK_FALSE(Has(dump("version 10.11.19-MariaDB\nversioned 0\n").commands.front().arguments,
                  "--loose-dump-history"));
}

TEST_CASE("fetch plan: a physical copy of PostgreSQL has one connection") {
  FetchRequest request = From();
  request.physical = true;
  request.jobs = 2;
  CHECK_THAT(Refused("postgresql", request).message, Contains("'jobs'"));
}
