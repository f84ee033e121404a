#include "engines/mysql_family/session.h"

#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "engines/connection_text.h"
#include "engines/mysql_family/family_engine.h"
#include "engines/mysql_family/launch.h"
#include "engines/mysql_family/least_privilege.h"
#include "engines/mysql_family/mask/leftovers.h"
#include "engines/mysql_family/mask/masking.h"
#include "engines/version.h"

namespace spawnd::engines::mysql_family {
namespace {

constexpr unsigned kConnectSeconds = 1;
/// A packet of the server's, and all rows of one answer: names of tables, at the most.
constexpr unsigned long kMaxPacketBytes = 1UL << 20U;
constexpr size_t kMaxRows = 1'000'000;
constexpr size_t kMaxRowBytes = size_t{64} << 20U;
constexpr const char* kUserSchemas =
    "SELECT schema_name FROM information_schema.schemata WHERE schema_name NOT IN ('mysql', "
    "'information_schema', 'performance_schema', 'sys') ORDER BY 1";

/// Those that have anything in them.
constexpr const char* kFilledSchemas =
    "SELECT name FROM (SELECT table_schema AS name FROM information_schema.tables UNION SELECT "
    "routine_schema FROM "
    "information_schema.routines) AS filled WHERE name NOT IN ('mysql', 'information_schema', "
    "'performance_schema', "
    "'sys') ORDER BY 1";

struct CloseConnection {
  void operator()(MYSQL* connection) const { ::mysql_close(connection); }
};
struct FreeRows {
  void operator()(MYSQL_RES* rows) const { ::mysql_free_result(rows); }
};
using Connection = std::unique_ptr<MYSQL, CloseConnection>;
/// The first columns of a row, however many the server sends.
using Row = std::array<std::string, 2>;

std::string Identifier(std::string_view name) {
  return Quoted(name, '`');
}

/// Backslashes are escapes in the default sql_mode and plain characters in another one, so a text is written
/// in a way that has none.
std::string Literal(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  if (text.find('\\') == std::string_view::npos) return Quoted(text, '\'');
  std::string hex = "X'";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    hex.append({kHex[byte >> 4U], kHex[byte & 15U]});
  }
  return hex + "'";
}

std::string Account(std::string_view user, std::string_view host) {
  return Literal(user) + "@" + Literal(host);
}

ErrorCode CodeOf(unsigned number) {
  switch (number) {
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
    case CR_SERVER_GONE_ERROR:
    case CR_SERVER_LOST:
    case ER_CON_COUNT_ERROR:
    case ER_SERVER_SHUTDOWN:
    case ER_CONNECTION_KILLED:
      return ErrorCode::kUnavailable;
    case ER_BAD_DB_ERROR:
      return ErrorCode::kNotFound;
    case ER_DISK_FULL:
    case ER_RECORD_FILE_FULL:
      return ErrorCode::kNoSpace;
    case ER_WRONG_DB_NAME:
    case ER_TOO_LONG_IDENT:
    case ER_PARSE_ERROR:
      return ErrorCode::kInvalidArgument;
    default:
      return ErrorCode::kInternal;
  }
}

class FamilySession final : public Engine::Session {
 public:
  /// `events_wait`: they are off, and are to run once the server takes over.
  FamilySession(Connection connection, bool events_wait)
      : connection_(std::move(connection)), events_wait_(events_wait) {}

  Result<void> PrepareContainer(const Credentials& credentials) override;
  Result<void> PrepareImage(const Credentials& credentials) override;
  Result<void> CreateDatabase(const std::string& database) override;
  Result<std::vector<std::string>> UserDatabases(const Credentials& credentials) override;
  Result<std::vector<UsedLibrary>> UsedLibraries() override;
  Result<std::vector<int64_t>> Mask(const std::vector<MaskRule>& rules) override;
  Result<std::string> KeepsAwake() override;
  Result<std::string> WorksByItself() override;
  Result<void> TakeOver() override;
  Result<uint32_t> ClientsOnTheirWayIn() override;

 private:
  /// One statement; its rows.
  Result<std::vector<Row>> Run(const std::string& sql);
  Result<std::vector<Row>> ReadRows(MYSQL_RES* result);
  /// Never the statement: it may hold a password.
  tl::unexpected<Error> FailOfServer() {
    return Fail(CodeOf(::mysql_errno(connection_.get())),
                std::string("the server says: ") + ::mysql_error(connection_.get()));
  }
  Result<void> AnalyzeEverything();
  Result<void> MakeLogin(const Credentials& credentials);
  /// For a user that is no superuser.
  Result<void> MakeOwner(const Credentials& credentials);

  Connection connection_;
  bool events_wait_;
};

Result<std::vector<Row>> FamilySession::Run(const std::string& sql) {
  if (::mysql_real_query(connection_.get(), sql.data(), sql.size()) != 0) return FailOfServer();
  // Row by row: the library would take as many as the server likes to send.
  const std::unique_ptr<MYSQL_RES, FreeRows> result(::mysql_use_result(connection_.get()));
  if (!result) return std::vector<Row>();
  return ReadRows(result.get());
}

Result<std::vector<Row>> FamilySession::ReadRows(MYSQL_RES* result) {
  std::vector<Row> rows;
  size_t bytes = 0;
  while (MYSQL_ROW columns = ::mysql_fetch_row(result)) {
    Row row;
    for (unsigned i = 0; i < std::min<size_t>(::mysql_num_fields(result), row.size()); ++i) {
      row[i] = columns[i] != nullptr ? columns[i] : "";
      bytes += row[i].size();
    }
    rows.push_back(std::move(row));
    if (rows.size() > kMaxRows || bytes > kMaxRowBytes) {
      // Whoever frees a result reads the rest of it first, and this one may have no end.
      ::shutdown(::mysql_get_socket(connection_.get()), SHUT_RDWR);
      return Fail(ErrorCode::kInternal, "the server sends far more than it was asked for");
    }
  }
  if (::mysql_errno(connection_.get()) != 0) return FailOfServer();
  return rows;
}

/// Analyses every table. A table that the server cannot analyse is skipped: its user will find the fault in
/// a container.
Result<void> FamilySession::AnalyzeEverything() {
  TRY_ASSIGN(const auto tables,
             Run("SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE "
                 "TABLE' AND table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', "
                 "'sys')"));
  for (const Row& table : tables) {
    auto analyzed =
        Run("ANALYZE NO_WRITE_TO_BINLOG TABLE " + Identifier(table[0]) + "." + Identifier(table[1]));
    if (!analyzed && analyzed.error().code == ErrorCode::kUnavailable) return Fail(analyzed.error());
  }
  return {};
}

/// What a restore may have done to the server that it went to.
Error ExplainEnd(const Error& error) {
  if (error.code == ErrorCode::kUnavailable) {
    return {error.code, "the server of this build has ended: " + error.message,
            "SHUTDOWN does that, in a routine and by PREPARE, too: leave it out of the backup and the "
            "scripts. Else "
            "its own words are in the log."};
  }
  return {ErrorCode::kInvalidArgument,
          "the backup or a script has taken away accounts, rights or system tables that no container can do "
          "without: " +
              error.message,
          "Leave out what deletes, renames or restricts 'root'@'localhost' or the product's own accounts "
          "('mariadb.sys', 'mysql.sys' ...), or changes the tables in `mysql` by hand."};
}

/// The answer to what is asked at the end of a build.
template <typename T>
Result<T> Asked(Result<T> answer) {
  if (!answer) return Fail(ExplainEnd(answer.error()));
  return answer;
}

/// The server counts a connection when it has accepted it, and lists it once a thread of its own has begun.
Result<uint32_t> FamilySession::ClientsOnTheirWayIn() {
  TRY_ASSIGN(const auto all, Run("SHOW PROCESSLIST"));
  TRY_ASSIGN(const auto connected, Run("SHOW GLOBAL STATUS LIKE 'Threads_connected'"));
  int64_t on_their_way = connected.empty() ? 0 : std::strtoll(connected.front()[1].c_str(), nullptr, 10);
  for (const Row& one : all) {
    // The first two are the server's own threads, which it does not count.
    if (one[1] != "event_scheduler" && one[1] != "system user" && one[1] != "unauthenticated user")
      --on_their_way;
  }
  return static_cast<uint32_t>(std::max<int64_t>(on_their_way, 0));
}

Result<void> FamilySession::PrepareContainer(const Credentials& credentials) {
  TRY(MakeLogin(credentials));
  return credentials.superuser ? Result<void>() : MakeOwner(credentials);
}

Result<void> FamilySession::MakeLogin(const Credentials& credentials) {
  for (const std::string& statement : LoginStatements(credentials)) TRY(Run(statement));
  // The server prefers the account for fewer addresses when two fit, even if its user is the empty one.
  // Such accounts would shut the container's user out.
  TRY_ASSIGN(const auto before,
             Run("SELECT user, host FROM mysql.user WHERE (user = " + Literal(credentials.user) +
                 " AND host NOT IN ('localhost', '%')) OR (user = '' AND host <> '%')"));
  for (const Row& account : before) TRY(Run("DROP USER " + Account(account[0], account[1])));
  return {};
}

Result<void> FamilySession::MakeOwner(const Credentials& credentials) {
  TRY_ASSIGN(const auto all, Run(kUserSchemas));
  TRY_ASSIGN(const auto given,
             Run("SELECT Db FROM mysql.db WHERE Grant_priv = 'Y' AND Host = '%' AND User = " +
                 Literal(credentials.user)));
  std::vector<std::string> databases;
  for (const Row& database : all) {
    const std::string pattern = GrantPattern(database[0]);
    const auto has_it = [&pattern](const Row& row) { return row[0] == pattern; };
    if (std::none_of(given.begin(), given.end(), has_it)) databases.push_back(database[0]);
  }
  for (const std::string& statement : OwnerStatements(credentials, databases)) TRY(Run(statement));
  return {};
}

/// A restore may have replaced the tables that accounts are in, or emptied them. What every container does
/// before anybody logs in is done here once, so that no image is made of which none could.
Result<void> FamilySession::PrepareImage(const Credentials& credentials) {
  TRY(Asked(Run("FLUSH PRIVILEGES")));
  TRY(Asked(MakeLogin(credentials)));
  TRY(Asked(Run("DROP USER IF EXISTS " + Account(credentials.user, "%"))));
  TRY(AnalyzeEverything());
  return {};
}

Result<void> FamilySession::CreateDatabase(const std::string& database) {
  if (database.empty()) return {};
  return Run("CREATE DATABASE IF NOT EXISTS " + Identifier(database)).map([](const auto&) {});
}

Result<std::vector<std::string>> FamilySession::UserDatabases(const Credentials& /*credentials*/) {
  TRY_ASSIGN(const auto filled,
             Asked(Run(std::string(kFilledSchemas) + " LIMIT " + std::to_string(kMaxUserDatabases))));
  auto rows = filled;
  if (rows.empty()) {
    TRY_ASSIGN(rows, Run(std::string(kUserSchemas) + " LIMIT " + std::to_string(kMaxUserDatabases)));
  }
  std::vector<std::string> names;
  for (const Row& row : rows) names.push_back(row[0]);
  return names;
}

/// Plugins that were installed, not those of the server.
Result<std::vector<UsedLibrary>> FamilySession::UsedLibraries() {
  TRY_ASSIGN(const auto rows,
             Asked(Run("SELECT CONCAT(name, CHAR(9), CHAR(9), dl) FROM mysql.plugin ORDER BY 1 LIMIT " +
                       std::to_string(kMaxUsedLibraries))));
  std::vector<UsedLibrary> libraries;
  for (const Row& row : rows) {
    if (auto library = UsedLibraryFrom(row[0])) libraries.push_back(std::move(*library));
  }
  return libraries;
}

Result<std::vector<int64_t>> FamilySession::Mask(const std::vector<MaskRule>& rules) {
  const RunSql run = [this](const std::string& sql) {
    return Run(sql).map([](const std::vector<Row>& rows) {
      std::vector<std::string> first;
      for (const Row& row : rows) first.push_back(row[0]);
      return first;
    });
  };
  return MaskServer(run, rules);
}

/// Whether the scheduler is on is asked by itself: it hardly ever is, and the list of events takes longer.
Result<std::string> FamilySession::WorksByItself() {
  TRY_ASSIGN(const auto scheduler, Run("SELECT @@GLOBAL.event_scheduler"));
  if (scheduler.empty() || scheduler.front()[0] != "ON") return std::string();
  TRY_ASSIGN(const auto events,
             Run("SELECT COUNT(*) FROM information_schema.events WHERE status = 'ENABLED'"));
  if (events.empty() || events.front()[0] == "0") return std::string();
  return "its event scheduler has " + events.front()[0] + " to run";
}

/// Those whose time has come while it stood by run now, as they do after any start.
Result<void> FamilySession::TakeOver() {
  if (!events_wait_) return {};
  TRY(Run("SET GLOBAL event_scheduler = ON"));
  events_wait_ = false;
  return {};
}

/// What any restart forgets (SET GLOBAL) is forgotten. How many rows a table has, MySQL says of yesterday.
Result<std::string> FamilySession::KeepsAwake() {
  TRY_ASSIGN(std::string works, WorksByItself());
  if (!works.empty()) return works;
  TRY_ASSIGN(const auto tables,
             Run("SELECT table_schema, table_name FROM information_schema.tables WHERE "
                 "engine = 'MEMORY' AND table_schema NOT IN ('mysql', 'performance_schema', "
                 "'information_schema', 'sys') LIMIT 100"));
  for (const Row& table : tables) {
    TRY_ASSIGN(const auto row,
               Run("SELECT 1 FROM " + Identifier(table[0]) + "." + Identifier(table[1]) + " LIMIT 1"));
    if (!row.empty())
      return "table '" + table[0] + "." + table[1] + "' is in memory alone, and would be empty";
  }
  return std::string();
}

Result<Connection> OpenConnection(const std::string& socket, const char* database) {
  Connection connection(::mysql_init(nullptr));
  if (!connection) return Fail(ErrorCode::kInternal, "cannot connect to the server: out of memory");
  ::mysql_options(connection.get(), MYSQL_OPT_CONNECT_TIMEOUT, &kConnectSeconds);
  ::mysql_options(connection.get(), MYSQL_SET_CHARSET_NAME, "utf8mb4");
  ::mysql_options(connection.get(), MYSQL_OPT_MAX_ALLOWED_PACKET, &kMaxPacketBytes);
  // On by default, and then a server may ask for any file that this process can read.
  const unsigned no_local_files = 0;
  ::mysql_options(connection.get(), MYSQL_OPT_LOCAL_INFILE, &no_local_files);
  const char* user = "root";  // of the private socket, made by the server's own start (launch.cc)
  if (::mysql_real_connect(connection.get(), "localhost", user, "", database, 0, socket.c_str(), 0) !=
      nullptr) {
    return connection;
  }
  return Fail(CodeOf(::mysql_errno(connection.get())), ::mysql_error(connection.get()));
}

}  // namespace

std::vector<std::string> LoginStatements(const Credentials& credentials) {
  const std::string account = Account(credentials.user, "%");
  std::vector<std::string> statements{
      "CREATE USER IF NOT EXISTS " + account,
      "ALTER USER " + account + " IDENTIFIED BY " + Literal(credentials.password) + " ACCOUNT UNLOCK"};
  if (credentials.superuser) {
    statements.push_back("GRANT ALL PRIVILEGES ON *.* TO " + account + " WITH GRANT OPTION");
  }
  return statements;
}

Result<void> FamilyEngine::CheckMask(const Installation& installation, bool placed) const {
  if (placed) {
    return Fail(
        ErrorCode::kUnsupported,
        "a backup that is the files of a server cannot be masked: they have old versions of rows that "
        "nothing finds",
        "Make the image of a dump (mysqldump, mariadb-dump).");
  }
  if (product_.name == "mariadb" || !VersionLess(installation.version, kFirstToMask)) return {};
  return Fail(ErrorCode::kUnsupported,
              std::string(product_.display_name) + " " + installation.version +
                  " cannot be masked: it keeps old versions of rows",
              "Restore the dump on " + std::string(kFirstToMask) + " or newer.");
}

/// Pages that are given up are written over, those of old versions of rows among them; MySQL makes their
/// files anew.
Settings FamilyEngine::SettingsForMask(const Installation& /*installation*/) const {
  if (product_.name != "mariadb") return {};
  return {{"innodb_immediate_scrub_data_uncompressed", "ON"}};
}

Result<std::unique_ptr<Engine::Session>> FamilyEngine::Probe(const Launch& launch) const {
  const std::string socket = SocketPath(launch.paths);
  const std::string& database = launch.credentials.database;
  auto connection = OpenConnection(socket, database.empty() ? nullptr : database.c_str());
  if (!connection && connection.error().code == ErrorCode::kNotFound)
    connection = OpenConnection(socket, nullptr);
  if (!connection) return Fail(std::move(connection.error()));
  return std::make_unique<FamilySession>(std::move(*connection),
                                         launch.stands_by && RunsEvents(launch.settings));
}

}  // namespace spawnd::engines::mysql_family
