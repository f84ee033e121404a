/// From a running server: the client asks what it is, then the dump program writes SQL, or the backup program
/// a stream of the server's own files.
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "engines/fetch/plan.h"
#include "engines/mysql_family/family_engine.h"
#include "engines/version.h"

namespace spawnd::engines::mysql_family {
namespace {

constexpr int64_t kAskSeconds = 30;
/// Of MariaDB's dumps and servers.
constexpr std::string_view kHistorySince = "10.11";
/// A user sees columns that he may use, whoever gave him the right, a role included; a role of MySQL's gives
/// a right on all databases, as on mysql's own. Whose routines he sees none of, the dump program has none.
constexpr const char* kQuestions =
    "select concat('version ', version());"
    " select concat('routines ', (select count(*) from information_schema.columns where table_schema = "
    "'mysql'"
    " and table_name = 'proc' and column_name = 'body' and privileges like '%select%')"
    " + (select count(*) from information_schema.user_privileges where privilege_type in ('SELECT',"
    " 'SHOW_ROUTINE', 'SHOW CREATE ROUTINE') and replace(grantee, '''', '') = current_user())"
    " /*!80019 + (select count(*) from information_schema.columns where table_schema = 'mysql' and "
    "table_name ="
    " 'procs_priv' and column_name = 'User' and privileges like '%select%' and exists (select 1 from"
    " information_schema.enabled_roles)) */);"
    " select concat('versioned ', count(*)) from information_schema.tables where table_type = 'SYSTEM "
    "VERSIONED';"
    " select concat('datadir ', @@datadir);"
    " select concat('other ', count(*)) from information_schema.tables where table_type = 'BASE TABLE'"
    " and engine not in ('InnoDB', 'MEMORY') and table_schema not in ('mysql', 'information_schema',"
    " 'performance_schema', 'sys');"
    " select concat('database ', schema_name) from information_schema.schemata where schema_name not in "
    "('mysql',"
    " 'information_schema', 'performance_schema', 'sys') order by schema_name limit 200";

struct Server {
  std::string version;  ///< "10.11.19-MariaDB-log"
  std::string data_directory;
  int64_t other_tables = 0;  ///< that no transaction holds together
  bool shows_routines = true;
  bool has_history = false;  ///< tables that keep what their rows were
  std::vector<std::string> databases;
};

/// An option file with the password, which is then the only one that is read: what ~/.my.cnf says would count
/// more than this. Without a password they are all read.
FetchSecret OptionFile(const FetchRequest& request) {
  if (!request.has_password) return {};
  return {FetchSecret::As::kFile,
          "[client]\npassword=\"",
          "\"\n",
          {{'\\', "\\\\"}, {'"', "\\\""}, {'\'', "\\'"}}};
}

/// It has to be the first argument.
std::vector<std::string> FirstArguments(const FetchRequest& request) {
  if (!request.has_password) return {};
  return {std::string("--defaults-file=") + kSecretFile};
}

void AddConnection(const FetchRequest& request, const Product& product, std::vector<std::string>& arguments) {
  const SourceConnection& at = request.connection;
  if (at.host.starts_with('/')) {
    arguments.push_back("--socket=" + at.host);
  } else {
    if (!at.host.empty()) arguments.push_back("--host=" + at.host);
    if (at.port != 0) arguments.push_back("--port=" + std::to_string(at.port));
    // Otherwise "localhost" would mean a socket, whatever the port.
    if (!at.host.empty() || at.port != 0) arguments.emplace_back("--protocol=tcp");
  }
  if (!at.user.empty()) arguments.push_back("--user=" + at.user);
  if (!at.ssl_root_cert.empty()) arguments.push_back("--ssl-ca=" + at.ssl_root_cert);
  for (std::string& option : product.tls_options(at.ssl_mode)) arguments.push_back(std::move(option));
}

std::vector<FetchFailure> Failures(const std::string& database) {
  const std::string lost =
      "The connection was lost before all was here, and nothing of it is kept: look at the server, "
      "and run it again.";
  const std::string rights =
      "A dump needs SELECT, SHOW VIEW, TRIGGER, EVENT and LOCK TABLES on the database, and for routines "
      "SELECT on mysql.proc (MySQL 8 and later: SHOW_ROUTINE).";
  return {
      {"to database", ErrorCode::kForbidden, rights},
      {"access denied for user", ErrorCode::kUnauthenticated,
       "connection.passwordFile or passwordVariable says where the password is; without them ~/.my.cnf "
       "counts. " +
           rights},
      {"access denied", ErrorCode::kForbidden, rights},
      {"command denied", ErrorCode::kForbidden, rights},
      {"unknown database '" + database + "'", ErrorCode::kNotFound,
       "Look at `database:` under `connection:`."},
      {"unknown server host", ErrorCode::kUnavailable, "Look at `host:` under `connection:`."},
      {"unknown mysql server host", ErrorCode::kUnavailable, "Look at `host:` under `connection:`."},
      {"can't connect", ErrorCode::kUnavailable,
       "Does the server run there, and listen to that address and port (bind-address)?"},
      {"is not allowed to connect", ErrorCode::kForbidden,
       "The server lets no user of this machine's address in."},
      {"too many connections", ErrorCode::kTooMany, "Try again later."},
      {"tls/ssl error", ErrorCode::kUnavailable,
       "Look at `sslMode:` and `sslRootCert:` under `connection:`."},
      {"ssl connection error", ErrorCode::kUnavailable,
       "Look at `sslMode:` and `sslRootCert:` under `connection:`."},
      {"lost connection", ErrorCode::kUnavailable, lost},
      {"server has gone away", ErrorCode::kUnavailable, lost},
      {"server shutdown in progress", ErrorCode::kUnavailable, lost},
      {"unsupported server version", ErrorCode::kUnsupported,
       "Install the mariadb-backup of the server's own version, or use `method: dump`."},
      {"can't change dir", ErrorCode::kForbidden,
       "A physical copy reads the server's files: run it on the server's machine, as a user who may; or use "
       "`method: dump`."},
      {"permission denied", ErrorCode::kForbidden,
       "A physical copy reads the server's files: run it on the server's machine, as a user who may; or use "
       "`method: dump`."},
      {"got signal", ErrorCode::kUnavailable, lost},
  };
}

std::vector<std::string> ToolPlaces(const std::vector<std::string>& programs,
                                    const std::vector<Installation>& usable) {
  std::vector<std::string> places;
  for (const Installation& one : usable) {
    for (const std::string& program : programs) places.push_back(one.root + "/" + program);
  }
  for (const std::string& program : programs) places.push_back(BaseName(program));
  return places;
}

FetchCommand Tool(const FetchRequest& request, const std::string& database, std::string_view install) {
  FetchCommand tool;
  tool.environment = {{"LC_ALL", "C"}};
  tool.secret = OptionFile(request);
  tool.failures = Failures(database);
  tool.install_hint = install;
  return tool;
}

FetchPlan Ask(const FetchRequest& request, const Product& product, const std::string& place,
              const std::vector<Installation>& usable, std::string_view install) {
  FetchCommand client = Tool(request, request.connection.database, install);
  client.title = "asking " + place + " what it is";
  client.programs = ToolPlaces(product.client_programs, usable);
  client.arguments = FirstArguments(request);
  AddConnection(request, product, client.arguments);
  for (const char* const option : {"--batch", "--skip-column-names", "--connect-timeout=10"}) {
    client.arguments.emplace_back(option);
  }
  client.arguments.push_back(std::string("--execute=") + kQuestions);
  client.output = FetchCommand::Output::kAnswer;
  client.deadline_seconds = kAskSeconds;
  return {.commands = {std::move(client)}};
}

Result<Server> ReadAnswer(const std::string& answer, const std::string& place) {
  Server server;
  const auto versions = AnswersTo("version ", answer);
  if (versions.empty()) return Fail(ErrorCode::kIo, "the server at " + place + " did not say its version");
  server.version = versions.front();
  for (const std::string& folder : AnswersTo("datadir ", answer)) server.data_directory = folder;
  for (const std::string& count : AnswersTo("other ", answer)) server.other_tables = NumberIn(count);
  for (const std::string& count : AnswersTo("routines ", answer)) server.shows_routines = count != "0";
  for (const std::string& count : AnswersTo("versioned ", answer)) server.has_history = count != "0";
  server.databases = AnswersTo("database ", answer);
  return server;
}

bool HasSeries(const std::vector<Installation>& usable, const std::string& series) {
  return std::any_of(usable.begin(), usable.end(),
                     [&](const Installation& one) { return SeriesOf(one.version) == series; });
}

bool HasVersionFrom(const std::vector<Installation>& usable, std::string_view version) {
  return std::any_of(usable.begin(), usable.end(),
                     [&](const Installation& one) { return !VersionLess(one.version, version); });
}

/// What may be missing from the dump.
std::vector<std::string> WarningsOf(const Server& server, bool dumps_history) {
  std::vector<std::string> warnings;
  if (server.other_tables > 0) {
    warnings.push_back(std::to_string(server.other_tables) +
                       " tables of the server are of other storage engines than InnoDB: what is written to "
                       "them meanwhile may be in the dump by half");
  }
  if (!server.shows_routines) {
    const bool has_proc =
        server.version.find("MariaDB") != std::string::npos || VersionLess(server.version, "8.0");
    warnings.push_back(
        "the user may not see the server's stored procedures and functions, so that others' "
        "are not in the image: grant " +
        std::string(has_proc                                ? "SELECT on mysql.proc"
                    : VersionLess(server.version, "8.0.20") ? "SELECT on *.*"
                                                            : "SHOW_ROUTINE on *.*") +
        " to it");
  }
  if (server.has_history && !dumps_history) {
    warnings.emplace_back(
        "the history of system-versioned tables is not in the image: MariaDB dumps it from 10.11 on");
  }
  return warnings;
}

Result<FetchPlan> Dump(const FetchRequest& request, const Product& product, const std::string& place,
                       const Server& server, const std::vector<Installation>& usable,
                       std::string_view install) {
  TRY_ASSIGN(const std::string database, ChooseDatabase(request.connection, place, server.databases, ""));
  FetchPlan plan;
  plan.backup_name = database + " of " + place;
  plan.database = database;
  const bool same_product =
      (server.version.find("MariaDB") != std::string::npos) == (product.name == "mariadb");
  if (same_product && HasSeries(usable, SeriesOf(server.version))) plan.version = SeriesOf(server.version);
  const bool dumps_history = same_product && server.has_history &&
                             !VersionLess(server.version, kHistorySince) &&
                             HasVersionFrom(usable, kHistorySince);
  plan.warnings = WarningsOf(server, dumps_history);
  FetchCommand dump = Tool(request, database, install);
  dump.title = "dumping " + plan.backup_name;
  dump.programs = ToolPlaces(product.dump_programs, usable);
  dump.arguments = FirstArguments(request);
  AddConnection(request, product, dump.arguments);
  for (const char* const option :
       {"--single-transaction", "--quick", "--routines", "--triggers", "--events", "--no-tablespaces",
        "--max-allowed-packet=1G", "--default-character-set=utf8mb4"}) {
    dump.arguments.emplace_back(option);
  }
  dump.arguments.insert(dump.arguments.end(), product.dump_options.begin(), product.dump_options.end());
  // A tool that does not know it says so, and goes on.
  if (dumps_history) dump.arguments.emplace_back("--loose-dump-history");
  dump.arguments.emplace_back("--");
  dump.arguments.push_back(database);
  dump.output = FetchCommand::Output::kBackup;
  plan.commands.push_back(std::move(dump));
  plan.complete = true;
  return plan;
}

Result<FetchPlan> Copy(const FetchRequest& request, const Product& product, const std::string& place,
                       const Server& server, const std::vector<Installation>& usable,
                       std::string_view install) {
  const std::string series = SeriesOf(server.version);
  if (server.version.find("MariaDB") == std::string::npos || !HasSeries(usable, series)) {
    return Fail(ErrorCode::kUnsupported,
                "the server at " + place + " is " + server.version +
                    ", and a physical copy needs the same version here (installed: " + VersionsIn(usable) +
                    ")",
                "Install it, or use `method: dump`.");
  }
  FetchPlan plan;
  plan.backup_name = "copy of " + place;
  plan.database = request.connection.database;
  plan.version = series;
  FetchCommand copy = Tool(request, request.connection.database, install);
  copy.title = "copying " + place;
  copy.programs = ToolPlaces(product.backup_programs, usable);
  copy.arguments = FirstArguments(request);
  for (const char* const option : {"--backup", "--stream=xbstream"}) copy.arguments.emplace_back(option);
  copy.arguments.push_back("--target-dir=" + request.folder + "/meta");
  copy.arguments.push_back("--tmpdir=" + request.folder);
  copy.arguments.push_back("--parallel=" + std::to_string(std::max(1U, request.jobs)));
  // Without its own option files the tool looks for it where its package has it.
  if (!server.data_directory.empty()) copy.arguments.push_back("--datadir=" + server.data_directory);
  AddConnection(request, product, copy.arguments);
  copy.output = FetchCommand::Output::kBackup;
  plan.commands.push_back(std::move(copy));
  plan.complete = true;
  return plan;
}

}  // namespace

Result<FetchPlan> FamilyEngine::PlanFetch(const FetchRequest& request,
                                          const std::vector<Installation>& installed) const {
  TRY(CheckScheme(request.connection, {product_.name, "mysql", "mariadb"}, DisplayName()));
  const std::string place = PlaceOf(request.connection, DefaultPort());
  const std::vector<Installation> usable = UsableOf(Name(), installed);
  // XtraBackup, which restores MySQL's, is not asked to make one.
  if (request.physical && product_.name != "mariadb") {
    return Fail(ErrorCode::kUnsupported,
                "spawnd makes no physical copy of a " + std::string(DisplayName()) + " server",
                "Use `method: dump`.");
  }
  const std::string_view install = product_.client_install_hint;
  if (request.answers.empty()) return Ask(request, product_, place, usable, install);
  TRY_ASSIGN(const Server server, ReadAnswer(request.answers.front(), place));
  return request.physical ? Copy(request, product_, place, server, usable, install)
                          : Dump(request, product_, place, server, usable, install);
}

}  // namespace spawnd::engines::mysql_family
