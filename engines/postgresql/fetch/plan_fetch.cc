/// From a running server: psql asks what it is, then pg_dump makes a folder of it, or pg_basebackup tar
/// files.
#include <algorithm>
#include <optional>
#include <thread>

#include "engines/postgresql/fetch/fetch_tools.h"
#include "engines/postgresql/postgresql_engine.h"
#include "engines/registry.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr int kOldestMajor = 10;
constexpr uint32_t kMostJobs = 4;  ///< of our own: it is somebody's production
constexpr int64_t kAskSeconds = 30;
/// Where a database is needed to ask anything, and none was named.
constexpr const char* kMaintenance = "postgres";

/// What the server said of itself.
struct Server {
  int major = 0;
  std::string version;  ///< "15.18"
  bool in_recovery = false;
  int64_t cluster_bytes = 0;
  std::vector<std::string> databases;
};

FetchCommand Tool(const FetchRequest& request, const std::string& database, int server_major) {
  FetchCommand tool;
  // Its own words are looked into.
  tool.environment = {{"LC_ALL", "C"}, {"PGCLIENTENCODING", "UTF8"}};
  tool.secret = PasswordFile(request);
  // The caller's own variables would count more than what is said here.
  if (request.has_password) tool.environment.emplace_back("PGPASSWORD", "");
  if (!request.connection.host.empty()) tool.environment.emplace_back("PGHOSTADDR", "");
  tool.failures = ToolFailures(request, database, server_major);
  tool.install_hint = server_major == 0 ? "Install it: apt install postgresql-client."
                                        : "Install it: apt install postgresql-client-" +
                                              std::to_string(server_major) + ", or a newer one.";
  return tool;
}

FetchPlan Ask(const FetchRequest& request, const std::string& place,
              const std::vector<Installation>& usable) {
  const std::string database =
      request.connection.database.empty() ? kMaintenance : request.connection.database;
  FetchCommand psql = Tool(request, database, 0);
  psql.title = "asking " + place + " what it is";
  psql.programs = ToolPlaces("psql", 0, false, usable);
  psql.arguments = {
      "-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-d", ConnectionInfo(request, database)};
  const auto ask = [&psql](const char* statement) {
    psql.arguments.emplace_back("-c");
    psql.arguments.emplace_back(statement);
  };
  ask("select 'version ' || current_setting('server_version_num')");
  ask("select 'recovery ' || pg_is_in_recovery()");
  ask("select 'database ' || replace(datname, E'\\n', ' ') from pg_database"
      " where datallowconn and not datistemplate and datname <> 'postgres' order by datname limit 200");
  if (request.physical) {
    // How large a database is may be asked by who may connect to it.
    ask("select 'bytes ' || coalesce(sum(pg_database_size(oid)), 0)::bigint from pg_database"
        " where has_database_privilege(oid, 'connect')");
  }
  psql.output = FetchCommand::Output::kAnswer;
  psql.deadline_seconds = kAskSeconds;
  return {.commands = {std::move(psql)}};
}

Result<Server> ReadAnswer(const std::string& answer, const std::string& place) {
  Server server;
  const auto versions = AnswersTo("version ", answer);
  const int64_t number = versions.empty() ? 0 : NumberIn(versions.front());
  if (number <= 0) {
    return Fail(ErrorCode::kIo, "the server at " + place + " did not say its version",
                "Is it a PostgreSQL server of its own kind?");
  }
  server.major = static_cast<int>(number / 10000);
  server.version = std::to_string(server.major) + "." + std::to_string(number % 10000);
  if (server.major < kOldestMajor) {
    return Fail(ErrorCode::kUnsupported,
                "the server at " + place + " is older than PostgreSQL " + std::to_string(kOldestMajor),
                "Make a dump there, and name it under `sourceType: backup`.");
  }
  const auto recovery = AnswersTo("recovery ", answer);
  server.in_recovery = !recovery.empty() && recovery.front().starts_with('t');
  for (const std::string& bytes : AnswersTo("bytes ", answer)) server.cluster_bytes = NumberIn(bytes);
  server.databases = AnswersTo("database ", answer);
  return server;
}

/// Of this machine's: that of the server, else the next later one, into which its dump goes as it is; empty:
/// none.
std::string VersionFor(const Server& server, const std::vector<Installation>& usable) {
  std::string best;
  for (const Installation& one : usable) {  // newest first
    if (NumberIn(one.version) >= server.major) best = one.version;
  }
  return best.substr(0, best.find('.'));
}

uint32_t JobsOf(const FetchRequest& request) {
  if (request.jobs > 0) return request.jobs;
  return std::clamp(std::thread::hardware_concurrency(), 1U, kMostJobs);
}

Result<FetchPlan> Dump(const FetchRequest& request, const std::string& place, const Server& server,
                       const std::vector<Installation>& usable) {
  TRY_ASSIGN(const std::string database,
             ChooseDatabase(request.connection, place, server.databases, kMaintenance));
  FetchPlan plan;
  plan.backup_folder = request.folder + "/dump";
  plan.backup_name = database + " of " + place;
  plan.database = database;
  plan.version = VersionFor(server, usable);
  if (plan.version.empty() && request.version.empty()) {
    plan.warnings.push_back("the server at " + place + " is PostgreSQL " + server.version +
                            ", and every version here is older (" + VersionsIn(usable) +
                            "): what only the newer one has cannot be restored");
  }
  FetchCommand dump = Tool(request, database, server.major);
  dump.title = "dumping " + plan.backup_name;
  dump.programs = ToolPlaces("pg_dump", server.major, false, usable);
  dump.arguments = {"-w",
                    "-Fd",
                    "-Z1",
                    "-j",
                    std::to_string(JobsOf(request)),
                    "-f",
                    plan.backup_folder,
                    "--no-sync",
                    "-d",
                    ConnectionInfo(request, database)};
  // Their rows are not on a standby.
  if (server.in_recovery) dump.arguments.emplace_back("--no-unlogged-table-data");
  dump.grows = plan.backup_folder;
  plan.commands.push_back(std::move(dump));
  plan.complete = true;
  return plan;
}

/// The server's own files are for its own major version.
Result<std::string> VersionForFiles(const FetchRequest& request, const std::string& place,
                                    const Server& server, const std::vector<Installation>& usable) {
  const std::string major = std::to_string(server.major);
  const bool installed = std::any_of(usable.begin(), usable.end(),
                                     [&](const auto& one) { return NumberIn(one.version) == server.major; });
  const std::string is = "the server at " + place + " is PostgreSQL " + server.version;
  if (!installed) {
    return Fail(ErrorCode::kUnsupported,
                is + ", and a physical copy needs the same major version here (installed: " +
                    VersionsIn(usable) + ")",
                "Install PostgreSQL " + major + ", or use `method: dump`.");
  }
  if (!request.version.empty() && NumberIn(request.version) != server.major) {
    return Fail(ErrorCode::kInvalidArgument, is + ", and `version: " + request.version + "` is asked for",
                "Leave `version:` out, or use `method: dump`.");
  }
  return major;
}

/// What pg_basebackup does not have.
Result<void> CheckCopy(const FetchRequest& request) {
  if (!request.physical || request.jobs == 0) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      "'jobs' means nothing to a physical copy of a PostgreSQL server: it is made over one connection",
      "Leave it out, or use `method: dump`.");
}

Result<FetchPlan> Copy(const FetchRequest& request, const std::string& place, const Server& server,
                       const std::vector<Installation>& usable) {
  FetchPlan plan;
  TRY_ASSIGN(plan.version, VersionForFiles(request, place, server, usable));
  plan.backup_folder = request.folder + "/base";
  plan.backup_name = "base backup of " + place;
  plan.database = request.connection.database;
  FetchCommand copy = Tool(request, kMaintenance, server.major);
  copy.title = "copying " + place;
  copy.programs = ToolPlaces("pg_basebackup", server.major, false, usable);
  // With a temporary slot, which ends with the connection: the log that the copy needs stays for so long.
  copy.arguments = {"-w",        "-D", plan.backup_folder,         "-Ft", "-X", "stream", "-c", "fast",
                    "--no-sync", "-d", ConnectionInfo(request, {})};
  copy.grows = plan.backup_folder;
  copy.expected_bytes = server.cluster_bytes;
  plan.commands.push_back(std::move(copy));
  plan.complete = true;
  return plan;
}

}  // namespace

Result<FetchPlan> PostgresqlEngine::PlanFetch(const FetchRequest& request,
                                              const std::vector<Installation>& installed) const {
  TRY(CheckScheme(request.connection, {"postgresql", "postgres"}, DisplayName()));
  TRY(CheckCopy(request));
  const std::string place = PlaceOf(request.connection, DefaultPort());
  const std::vector<Installation> usable = UsableOf(Name(), installed);
  if (request.answers.empty()) return Ask(request, place, usable);
  TRY_ASSIGN(const Server server, ReadAnswer(request.answers.front(), place));
  return request.physical ? Copy(request, place, server, usable) : Dump(request, place, server, usable);
}

}  // namespace spawnd::engines::postgresql
