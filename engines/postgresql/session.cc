/// A libpq connection to a container's server over its private socket, as the bootstrap superuser.
///
/// Used by one thread at a time. What it changes is one transaction of the server each, so that a crash
/// leaves all of it or nothing; every call may be repeated.
///
/// Preparing is a rename: an image carries a superuser role and a database that are both called "spawn_admin"
/// (no password). Making a database takes tens of milliseconds, renaming one takes less than one.
#include <libpq-fe.h>
#include <poll.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <vector>

#include "engines/postgresql/accounts.h"
#include "engines/postgresql/postgresql_engine.h"
#include "engines/postgresql/scram.h"

namespace spawnd::engines::postgresql {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kConnectDeadline{1000};
/// What is asked for here is names. A server that sends more of it is not ours any more.
constexpr size_t kMaxRows = 100'000;
constexpr size_t kMaxRowBytes = size_t{8} << 20U;

struct CloseConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Connection = std::unique_ptr<PGconn, CloseConnection>;
using Rows = std::unique_ptr<PGresult, ClearResult>;

std::string Quoted(std::string_view text, char quote) {
  std::string quoted(1, quote);
  for (const char c : text) quoted.append(c == quote ? 2 : 1, c);
  return quoted + quote;
}
std::string Identifier(std::string_view name) {
  return Quoted(name, '"');
}
/// Sound because standard_conforming_strings is on in every session of ours (see Connect).
std::string Literal(std::string_view text) {
  return Quoted(text, '\'');
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// libpq's messages end with a newline and may have several lines; the first says it.
std::string FirstLine(const char* message) {
  const std::string_view text(message);
  return std::string(text.substr(0, text.find('\n')));
}

ErrorCode CodeForState(std::string_view sqlstate) {
  if (sqlstate == "53100") return ErrorCode::kNoSpace;
  if (sqlstate == "3D000") return ErrorCode::kNotFound;
  if (sqlstate == "42601" || sqlstate == "42602" || sqlstate == "42622") return ErrorCode::kInvalidArgument;
  const std::string_view group = sqlstate.substr(0, 2);
  if (sqlstate.empty() || group == "08" || group == "57" || group == "53") return ErrorCode::kUnavailable;
  if (group == "58" || group == "XX") return ErrorCode::kIo;
  return ErrorCode::kInternal;
}

class LibpqSession final : public Engine::Session {
 public:
  explicit LibpqSession(Connection connection) : connection_(std::move(connection)) {}

  Result<void> PrepareContainer(const Credentials& credentials) override;
  Result<void> PrepareImage(const Credentials& credentials) override;
  Result<void> CreateDatabase(const std::string& database) override;
  Result<std::vector<std::string>> UserDatabases(const Credentials& credentials) override;

 private:
  /// The first column of all rows.
  using Names = std::vector<std::string>;

  /// One or several statements in one round trip; several are one transaction. `missing` gets true instead
  /// of an error when what a statement names does not exist.
  Result<Names> Run(const std::string& sql, bool* missing = nullptr);
  Result<void> SendStatements(const std::string& sql);
  /// What became of statements that were sent; the first error counts.
  Result<Names> ReceiveAll(bool* missing);
  /// One result; what it has of rows is added.
  Result<void> Judge(const PGresult* result, bool* missing, Names& names);
  /// Gives the connection up.
  tl::unexpected<Error> FailForGood(const char* what);
  /// VACUUM (ANALYZE) in every database.
  Result<void> VacuumEverything();
  Result<bool> Exists(const std::string& from_where);
  Result<bool> RoleExists(std::string_view name) {
    return Exists("pg_roles WHERE rolname = " + Literal(name));
  }
  Result<bool> DatabaseExists(std::string_view name) {
    return Exists("pg_database WHERE datname = " + Literal(name));
  }
  /// The way for every state that is not a fresh image: prepared before, or a cluster that never was one of
  /// ours.
  Result<void> PrepareStepByStep(const std::string& user, const std::string& login);

  Connection connection_;
};

Result<LibpqSession::Names> LibpqSession::Run(const std::string& sql, bool* missing) {
  TRY(SendStatements(sql));
  return ReceiveAll(missing);
}

Result<void> LibpqSession::SendStatements(const std::string& sql) {
  // Row by row, or libpq would take as many as the server likes to send before it says so.
  if (PQsendQuery(connection_.get(), sql.c_str()) == 1 && PQsetSingleRowMode(connection_.get()) == 1)
    return {};
  return Fail(ErrorCode::kUnavailable,
              "the server does not listen: " + FirstLine(PQerrorMessage(connection_.get())));
}

tl::unexpected<Error> LibpqSession::FailForGood(const char* what) {
  connection_.reset();
  return Fail(ErrorCode::kInternal, what);
}

Result<LibpqSession::Names> LibpqSession::ReceiveAll(bool* missing) {
  Names names;
  Result<void> outcome;
  size_t bytes = 0;
  for (Rows rows; (rows = Rows(PQgetResult(connection_.get()))) != nullptr;) {
    const ExecStatusType status = PQresultStatus(rows.get());
    // Nothing here copies: such an answer would wait for data, or be given again for ever.
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
      return FailForGood("the server answers a question with a copy");
    }
    auto judged = Judge(rows.get(), missing, names);
    if (!judged && outcome) outcome = std::move(judged);
    if (status == PGRES_SINGLE_TUPLE && !names.empty()) bytes += names.back().size();
    if (names.size() > kMaxRows || bytes > kMaxRowBytes) {
      return FailForGood("the server sends far more than it was asked for");
    }
  }
  if (!outcome) return Fail(std::move(outcome.error()));
  return names;
}

Result<void> LibpqSession::Judge(const PGresult* result, bool* missing, Names& names) {
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return {};
  if (status == PGRES_SINGLE_TUPLE) {
    names.emplace_back(PQnfields(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    return {};
  }
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string_view sqlstate = state != nullptr ? state : "";
  if (missing != nullptr && (sqlstate == "42704" || sqlstate == "3D000")) {
    *missing = true;
    return {};
  }
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  // Never the statement: it may hold a password's verifier.
  return Fail(CodeForState(sqlstate),
              "the server says: " +
                  (primary != nullptr ? std::string(primary) : FirstLine(PQerrorMessage(connection_.get()))));
}

Result<bool> LibpqSession::Exists(const std::string& from_where) {
  TRY_ASSIGN(const Names rows, Run("SELECT 1 FROM pg_catalog." + from_where));
  return !rows.empty();
}

Result<void> LibpqSession::PrepareContainer(const Credentials& credentials) {
  const std::string user = Identifier(credentials.user);
  const std::string placeholder = Identifier(kPlaceholder);
  // The usual case first, without asking what is there. The verifier takes as long as the server takes for
  // the renames; both work at once. Where nothing is left to rename, as in every start after a save, an error
  // in the server's log would only frighten whoever reads it.
  const std::string renames = "BEGIN; SET LOCAL log_min_messages = fatal; ALTER ROLE " + placeholder +
                              " RENAME TO " + user + "; ALTER DATABASE " + placeholder + " RENAME TO " + user;
  TRY(SendStatements(renames));
  const auto verifier = ScramVerifier(credentials.password);
  bool missing = false;
  auto renamed = ReceiveAll(&missing);
  if (!renamed || missing || !verifier) {
    TRY(Run("ROLLBACK"));
    if (!verifier) return Fail(verifier.error());
    if (!renamed) return Fail(std::move(renamed.error()));
  }
  const std::string login =
      "ALTER ROLE " + user + " LOGIN SUPERUSER PASSWORD " + Literal(*verifier) + " VALID UNTIL 'infinity'";
  if (missing) return PrepareStepByStep(credentials.user, login);
  TRY(Run(login + "; COMMIT"));
  return {};
}

Result<void> LibpqSession::PrepareStepByStep(const std::string& user, const std::string& login) {
  TRY_ASSIGN(const bool has_role, RoleExists(user));
  if (!has_role) {
    TRY_ASSIGN(const bool has_placeholder, RoleExists(kPlaceholder));
    TRY(Run((has_placeholder ? "ALTER ROLE " + Identifier(kPlaceholder) + " RENAME TO "
                             : std::string("CREATE ROLE ")) +
            Identifier(user)));
  }
  TRY(Run(login));
  // Not every cluster has it that comes from elsewhere.
  TRY(CreateDatabase("postgres"));
  TRY_ASSIGN(const bool has_database, DatabaseExists(user));
  if (has_database) return {};
  TRY_ASSIGN(const bool has_placeholder, DatabaseExists(kPlaceholder));
  // CREATE DATABASE cannot be part of a transaction; after a crash right before it, this runs once more.
  TRY(Run(has_placeholder ? "ALTER DATABASE " + Identifier(kPlaceholder) + " RENAME TO " + Identifier(user)
                          : "CREATE DATABASE " + Identifier(user) + " OWNER " + Identifier(user)));
  return {};
}

Result<void> LibpqSession::PrepareImage(const Credentials& credentials) {
  const std::string user = Identifier(credentials.user);
  const std::string placeholder = Identifier(kPlaceholder);
  // A session somebody left in the database would forbid to rename it.
  TRY(Run("SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = " +
          Literal(credentials.user) + " AND pid <> pg_catalog.pg_backend_pid()"));
  TRY(VacuumEverything());
  std::string sql;
  TRY_ASSIGN(const bool has_role, RoleExists(credentials.user));
  TRY_ASSIGN(const bool has_database, DatabaseExists(credentials.user));
  if (has_role)
    sql += "ALTER ROLE " + user + " PASSWORD NULL; ALTER ROLE " + user + " RENAME TO " + placeholder + ";";
  if (has_database) sql += "ALTER DATABASE " + user + " RENAME TO " + placeholder + ";";
  if (!sql.empty()) TRY(Run(sql));
  // Writes out what the restore left in memory while nobody waits; the stop that follows has a shorter
  // deadline.
  TRY(Run("CHECKPOINT"));
  return {};
}

/// A connection with the same parameters to another database; null when there is none to be had.
Connection ConnectLike(PGconn* like, const std::string& database) {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfo(like),
                                                                             PQconninfoFree);
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const PQconninfoOption* option = options.get(); option != nullptr && option->keyword != nullptr;
       ++option) {
    if (option->val == nullptr) continue;
    names.push_back(option->keyword);
    values.push_back(std::string_view(option->keyword) == "dbname" ? database.c_str() : option->val);
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  Connection connection(PQconnectdbParams(names.data(), values.data(), 0));
  if (PQstatus(connection.get()) != CONNECTION_OK) return nullptr;
  return connection;
}

/// Once here, or in each container: without it the first reader of every page writes the page (hint bits),
/// autovacuum goes over all tables a minute after the start, and until then the planner guesses.
Result<void> LibpqSession::VacuumEverything() {
  TRY_ASSIGN(const Names databases,
             Run("SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate"));
  for (const std::string& database : databases) {
    Connection connection = ConnectLike(connection_.get(), database);
    if (connection == nullptr) continue;
    // What fails here (an index on a function that raises an error) is the user's own to find, in a container
    // as on the server that the backup came from; the data is right without it.
    [[maybe_unused]] const auto ignored = LibpqSession(std::move(connection)).Run("VACUUM (ANALYZE)");
  }
  return {};
}

Result<void> LibpqSession::CreateDatabase(const std::string& database) {
  if (database.empty()) return {};
  TRY_ASSIGN(const bool exists, DatabaseExists(database));
  if (exists) return {};
  auto created = Run("CREATE DATABASE " + Identifier(database));
  if (!created) return Fail(created.error().Wrap("cannot create database '" + database + "'"));
  return {};
}

Result<std::vector<std::string>> LibpqSession::UserDatabases(const Credentials& credentials) {
  return Run(
      "SELECT datname FROM pg_catalog.pg_database WHERE NOT datistemplate AND datallowconn AND "
      "datname NOT IN "
      "('postgres', " +
      Literal(credentials.user) + ", " + Literal(kPlaceholder) +
      // A whole cluster's dump may come from another container and bring that one's.
      ") AND datname !~ '^spawn_admin_[a-z0-9]{4}$' ORDER BY oid LIMIT " + std::to_string(kMaxUserDatabases));
}

/// PQconnectPoll to its end, at most until the deadline.
Result<void> FinishConnecting(PGconn* connection) {
  const auto deadline = steady_clock::now() + kConnectDeadline;
  PostgresPollingStatusType status = PGRES_POLLING_WRITING;
  while (status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
    pollfd fd{PQsocket(connection), static_cast<short>(status == PGRES_POLLING_READING ? POLLIN : POLLOUT),
              0};
    const int ready = left > 0 ? ::poll(&fd, 1, static_cast<int>(left)) : 0;
    if (ready == 0) return Fail(ErrorCode::kUnavailable, "the server does not answer");
    if (ready < 0 && errno == EINTR) continue;
    status = PQconnectPoll(connection);
  }
  return {};
}

/// Settings of our sessions that nothing stored in the server may change: a statement of ours must neither
/// time out nor be refused, names mean pg_catalog's, literals are standard. synchronous_commit: what is
/// prepared is prepared again after a crash, so nobody waits for its flush.
constexpr const char* kSessionOptions =
    "-c search_path=pg_catalog -c standard_conforming_strings=on -c synchronous_commit=off -c "
    "statement_timeout=0 "
    "-c lock_timeout=0 -c idle_in_transaction_session_timeout=0 -c default_transaction_read_only=off "
    "-c client_min_messages=error";

Result<Connection> OpenConnection(const Paths& paths, const Endpoint& endpoint, const std::string& database) {
  const std::string port = std::to_string(endpoint.port);
  // Everything that libpq would else take from the environment or from files is said here.
  const std::array<const char*, 12> names{"host",
                                          "port",
                                          "user",
                                          "dbname",
                                          "sslmode",
                                          "gssencmode",
                                          "options",
                                          "passfile",
                                          "client_encoding",
                                          "application_name",
                                          "target_session_attrs",
                                          nullptr};
  const std::array<const char*, 12> values{paths.socket_directory.c_str(),
                                           port.c_str(),
                                           kSuperuser,
                                           database.c_str(),
                                           "disable",
                                           "disable",
                                           kSessionOptions,
                                           "/dev/null/none",
                                           "UTF8",
                                           "spawnd",
                                           "any",
                                           nullptr};
  Connection connection(PQconnectStartParams(names.data(), values.data(), 0));
  if (!connection) return Fail(ErrorCode::kInternal, "cannot connect to the server: out of memory");
  if (PQstatus(connection.get()) != CONNECTION_BAD) TRY(FinishConnecting(connection.get()));
  if (PQstatus(connection.get()) == CONNECTION_OK) return connection;

  // libpq has no SQLSTATE for a connection that failed; the server speaks English (lc_messages is forced to
  // C).
  const std::string message = FirstLine(PQerrorMessage(connection.get()));
  if (!Contains(message, "FATAL:")) return Fail(ErrorCode::kUnavailable, message);
  for (const char* passing : {"the database system is", "too many clients", "remaining connection slots",
                              "terminating connection due to administrator command"}) {
    if (Contains(message, passing)) return Fail(ErrorCode::kUnavailable, message);
  }
  const bool no_database = Contains(message, "database \"") && (Contains(message, "does not exist") ||
                                                                Contains(message, "not currently accepting"));
  return Fail(no_database ? ErrorCode::kNotFound : ErrorCode::kInternal, message);
}

}  // namespace

Result<std::unique_ptr<Engine::Session>> PostgresqlEngine::Probe(const Launch& launch) const {
  // The first may not exist yet (a build), the second may have been dropped by a restore; the third always is
  // there.
  Result<Connection> connection = Fail(ErrorCode::kNotFound, "");
  for (const std::string& candidate :
       {launch.credentials.database, std::string("postgres"), std::string("template1")}) {
    if (candidate.empty()) continue;
    connection = OpenConnection(launch.paths, launch.endpoint, candidate);
    if (connection || connection.error().code != ErrorCode::kNotFound) break;
  }
  if (!connection) return Fail(std::move(connection.error()));
  return std::make_unique<LibpqSession>(std::move(*connection));
}

}  // namespace spawnd::engines::postgresql
