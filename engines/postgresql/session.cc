/// A libpq connection to a container's server over its private socket, as the bootstrap superuser.
///
/// Used by one thread at a time. What it changes is one transaction of the server each, so that a crash
/// leaves all of it or nothing; every call may be repeated.
///
/// Preparing is a rename: an image carries a role and a database that are both called "spawn_admin" (no
/// password). That the role is no superuser says that everything has been handed over to it. Making a
/// database takes tens of milliseconds, renaming one takes less than one.
#include <libpq-fe.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "engines/postgresql/accounts.h"
#include "engines/postgresql/clients_on_their_way.h"
#include "engines/postgresql/connection.h"
#include "engines/postgresql/detect.h"
#include "engines/postgresql/least_privilege.h"
#include "engines/postgresql/libraries.h"
#include "engines/postgresql/mask/masking.h"
#include "engines/postgresql/postgresql_engine.h"
#include "engines/postgresql/scram.h"
#include "engines/postgresql/standby/recipe.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr size_t kStatementsTogether = 100;

/// What is asked for here is names. A server that sends more of it is not ours any more.
constexpr size_t kMaxRows = 100'000;
constexpr size_t kMaxRowBytes = size_t{8} << 20U;
struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
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
  explicit LibpqSession(Connection connection, Purpose purpose = Purpose::kServe)
      : connection_(std::move(connection)), purpose_(purpose) {}

  Result<void> PrepareContainer(const Credentials& credentials) override;
  Result<void> PrepareImage(const Credentials& credentials) override;
  Result<void> CreateDatabase(const std::string& database) override;
  Result<std::vector<std::string>> UserDatabases(const Credentials& credentials) override;
  Result<std::vector<UsedLibrary>> UsedLibraries() override;
  Result<std::vector<int64_t>> Mask(const std::vector<MaskRule>& rules) override;
  /// ALTER SYSTEM.
  Result<bool> KeepsSettings() override {
    return Exists("pg_file_settings WHERE sourcefile LIKE '%/postgresql.auto.conf'");
  }
  Result<std::string> KeepsAwake() override;
  Result<std::string> WorksByItself() override;
  Result<uint32_t> ClientsOnTheirWayIn() override { return CountClientsOnTheirWayIn(connection_.get()); }

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
  /// kUnsupported for a database that no client of the image could open.
  Result<void> CheckDatabasesOpen();
  Result<bool> HoldsSomething();
  Result<void> BeginWholeLogSegment();
  /// VACUUM (ANALYZE) in every database.
  Result<void> VacuumEverything();
  Result<bool> Exists(const std::string& from_where);
  Error WhyNotNow(Error error);
  Result<bool> RoleExists(std::string_view name) {
    return Exists("pg_roles WHERE rolname = " + Literal(name));
  }
  Result<bool> DatabaseExists(std::string_view name) {
    return Exists("pg_database WHERE datname = " + Literal(name));
  }
  /// The way to the names for every state that is not a fresh image: prepared before, or a cluster that never
  /// was one of ours.
  Result<void> NameStepByStep(const std::string& user);
  /// Runs the statements that the query answers with, until there are none.
  Result<void> RunWhatItAnswers(const std::string& query);
  /// Makes `user` the owner of all there is (least_privilege.h). It may be done again.
  Result<void> HandOver(const std::string& user);
  OpenDatabase OpensDatabases();

  Connection connection_;
  const Purpose purpose_;
  std::vector<MaskProof> proofs_;  ///< of what Mask did
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

std::string_view AttributesOf(const Credentials& credentials) {
  return credentials.superuser ? "LOGIN SUPERUSER" : kOwnerAttributes;
}

/// A server that recovers from an archive lets clients in to read long before it takes changes.
Error LibpqSession::WhyNotNow(Error error) {
  const auto recovers = Run("SELECT pg_is_in_recovery()");
  if (!recovers || recovers->empty() || recovers->front() != "t") return error;
  return {ErrorCode::kUnavailable, "the server recovers and takes no changes yet"};
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
    if (!renamed) return Fail(WhyNotNow(std::move(renamed.error())));
  }
  bool in_transaction = !missing;
  if (missing) TRY(NameStepByStep(credentials.user));
  if (!credentials.superuser) {
    TRY_ASSIGN(const bool is_superuser,
               Exists("pg_roles WHERE rolsuper AND rolname = " + Literal(credentials.user)));
    if (is_superuser) {
      // Other sessions have to see the names.
      if (std::exchange(in_transaction, false)) TRY(Run("COMMIT"));
      TRY(HandOver(credentials.user));
    }
  }
  TRY(Run("ALTER ROLE " + user + " " + std::string(AttributesOf(credentials)) + " PASSWORD " +
          Literal(*verifier) + " VALID UNTIL 'infinity'" + (in_transaction ? "; COMMIT" : "")));
  return {};
}

Result<void> LibpqSession::NameStepByStep(const std::string& user) {
  TRY_ASSIGN(const bool has_role, RoleExists(user));
  if (!has_role) {
    TRY_ASSIGN(const bool has_placeholder, RoleExists(kPlaceholder));
    TRY(Run(has_placeholder ? "ALTER ROLE " + Identifier(kPlaceholder) + " RENAME TO " + Identifier(user)
                            // A superuser for now: nothing has been handed over to it.
                            : "CREATE ROLE " + Identifier(user) + " SUPERUSER"));
  }
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
  // The image is made, and this server is for trying it.
  if (purpose_ == Purpose::kServe) {
    TRY(CheckDatabasesOpen());
    return TryCommit(connection_.get());
  }
  const std::string user = Identifier(credentials.user);
  const std::string placeholder = Identifier(kPlaceholder);
  // A session somebody left in the database would forbid to rename it.
  TRY(Run("SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = " +
          Literal(credentials.user) + " AND pid <> pg_catalog.pg_backend_pid()"));
  TRY_ASSIGN(const bool has_role, RoleExists(credentials.user));
  // Before the functions of indexes run, as their owners.
  if (has_role && !credentials.superuser) TRY(HandOver(credentials.user));
  TRY(CheckDatabasesOpen());
  if (purpose_ != Purpose::kPromote) TRY(VacuumEverything());
  // Nothing of the dump's own runs any more.
  TRY(ExpectStillMasked(OpensDatabases(), proofs_));
  std::string sql;
  TRY_ASSIGN(const bool has_database, DatabaseExists(credentials.user));
  if (has_role)
    sql += "ALTER ROLE " + user + " PASSWORD NULL; ALTER ROLE " + user + " RENAME TO " + placeholder + ";";
  if (has_database) sql += "ALTER DATABASE " + user + " RENAME TO " + placeholder + ";";
  if (!sql.empty()) TRY(Run(sql));
  // Whatever a restore made of it: see the top of this file.
  TRY_ASSIGN(const bool has_placeholder, RoleExists(kPlaceholder));
  if (has_placeholder) {
    TRY(Run("ALTER ROLE " + placeholder + " " +
            std::string(has_role ? AttributesOf(credentials) : "SUPERUSER")));
  }
  TRY(BeginWholeLogSegment());
  // Writes out what the restore left in memory while nobody waits; the stop that follows has a shorter
  // deadline.
  TRY(Run("CHECKPOINT"));
  return {};
}

/// The segment of the log in which containers begin. A build's are made with holes (settings.cc), and in
/// those each commit would allocate blocks of the file system first: its journal is written, too, and flushed
/// twice as often. Zeros that were written take no room in the image. In this session, whoever else writes
/// makes segments with holes. Before 12 all segments are whole.
Result<void> LibpqSession::BeginWholeLogSegment() {
  constexpr int kFirstWithHoles = 120000;
  if (PQserverVersion(connection_.get()) < kFirstWithHoles) return {};
  TRY(Run("SET wal_init_zero = on; SET synchronous_commit = on"));
  return Run("SELECT pg_catalog.pg_switch_wal(); SELECT pg_catalog.txid_current()").map([](const Names&) {});
}

Result<void> LibpqSession::RunWhatItAnswers(const std::string& query) {
  Names before;
  while (true) {
    TRY_ASSIGN(Names statements, Run(query));
    if (statements.empty()) return {};
    if (statements == before) {
      return Fail(ErrorCode::kInternal, "the server does not do what it is told: " + statements.front());
    }
    // Each takes some locks until the end of its transaction, and a server has 6400 of them by default.
    for (size_t at = 0; at < statements.size();) {
      std::string together;
      for (const size_t end = at + kStatementsTogether; at < std::min(end, statements.size()); ++at) {
        together += statements[at] + ";";
      }
      TRY(Run(together));
    }
    before = std::move(statements);
  }
}

Result<void> LibpqSession::HandOver(const std::string& user) {
  const int major = PQserverVersion(connection_.get()) / 10000;
  TRY_ASSIGN(const Names databases,
             Run("SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND datconnlimit <> -2"));
  for (const std::string& database : databases) {
    Connection connection = ConnectLike(connection_.get(), database);
    if (connection == nullptr)
      return Fail(ErrorCode::kUnavailable, "cannot connect to database '" + database + "'");
    auto handed =
        LibpqSession(std::move(connection)).RunWhatItAnswers(DatabaseHandover(Literal(user), major));
    if (!handed) return Fail(handed.error().Wrap("cannot hand database '" + database + "' over"));
  }
  return RunWhatItAnswers(ClusterHandover(Literal(user), major));
}

/// A library that ALTER DATABASE names and that is not here, a locale that this machine lacks: what a backup
/// brings as data, so that the server starts.
Result<void> LibpqSession::CheckDatabasesOpen() {
  TRY_ASSIGN(const Names databases,
             Run("SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND datconnlimit <> -2 AND "
                 "NOT datistemplate ORDER BY oid LIMIT 1000"));
  for (const std::string& database : databases) {
    auto opens = TryAsOthersDo(connection_.get(), database);
    if (opens) continue;
    Error& error = opens.error();
    error.message = "database '" + database + "' cannot be opened: " + error.message;
    if (error.message.find("could not access file") != std::string::npos) {
      error.hint = "Install what it names, or take the setting away: `preScript: alter database " +
                   Identifier(database) + " reset session_preload_libraries`.";
    } else if (error.message.find("locale") != std::string::npos) {
      error.hint = "Install the locale on this machine: `apt install locales-all`.";
    }
    return Fail(std::move(error));
  }
  return {};
}

/// Once here, or in each container: without it the first reader of every page writes the page (hint bits),
/// autovacuum goes over all tables a minute after the start, and until then the planner guesses.
Result<void> LibpqSession::VacuumEverything() {
  TRY_ASSIGN(const Names databases,
             Run("SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND datname <> 'template1'"));
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

/// A dump of a template makes one, which is its users' database all the same.
Result<std::vector<std::string>> LibpqSession::UserDatabases(const Credentials& credentials) {
  TRY_ASSIGN(Names databases,
             Run("SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND datname NOT IN "
                 "('postgres', 'template0', 'template1', " +
                 Literal(credentials.user) + ", " + Literal(kPlaceholder) +
                 // A whole cluster's dump may come from another container and bring that one's.
                 ") AND datname !~ '^spawn_admin_[a-z0-9]{4}$' ORDER BY oid LIMIT " +
                 std::to_string(kMaxUserDatabases)));
  if (databases.size() < 2) return databases;
  Names filled;
  for (const std::string& database : databases) {
    Connection connection = ConnectLike(connection_.get(), database);
    // What cannot be looked into is not known to be empty.
    const auto holds =
        connection == nullptr ? Result<bool>(true) : LibpqSession(std::move(connection)).HoldsSomething();
    if (!holds || *holds) filled.push_back(database);
  }
  return filled.empty() ? databases : filled;
}

/// What initdb made has numbers below 16384.
Result<bool> LibpqSession::HoldsSomething() {
  TRY_ASSIGN(const Names rows, Run(R"sql(
SELECT 1 WHERE EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE oid >= 16384)
  OR EXISTS (SELECT 1 FROM pg_catalog.pg_proc WHERE oid >= 16384)
  OR EXISTS (SELECT 1 FROM pg_catalog.pg_type WHERE oid >= 16384)
  OR EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_(toast_)?temp_')
  OR EXISTS (SELECT 1 FROM pg_catalog.pg_extension WHERE oid >= 16384)
  OR EXISTS (SELECT 1 FROM pg_catalog.pg_largeobject_metadata))sql"));
  return !rows.empty();
}

/// Processes that neither a client has nor the server itself: those of pg_cron, of a subscription, of
/// whatever else is loaded. Those of pg_prewarm only remember what was in memory. A prepared transaction, an
/// unlogged table and the statistics outlive a clean stop.
constexpr const char* kOwnWork = R"sql(
SELECT pg_catalog.string_agg(DISTINCT backend_type, ', ') FROM pg_catalog.pg_stat_activity
WHERE backend_type NOT IN ('client backend', 'autovacuum launcher', 'autovacuum worker',
  'background writer', 'checkpointer', 'walwriter', 'archiver', 'logical replication launcher', 'parallel worker',
  'startup', 'standalone backend', 'slotsync worker', 'walsummarizer', 'io worker', 'datachecksumsworker launcher',
  'walsender', 'autoprewarm leader', 'autoprewarm worker', 'autoprewarm')
)sql";

/// None of them can be told to wait.
Result<std::string> LibpqSession::WorksByItself() {
  TRY_ASSIGN(const Names workers, Run(kOwnWork));
  if (!workers.empty() && !workers.front().empty()) return "it has workers of its own: " + workers.front();
  TRY_ASSIGN(const bool follows, Exists("pg_subscription WHERE subenabled"));
  return std::string(follows ? "it follows another server by a subscription" : "");
}

Result<std::string> LibpqSession::KeepsAwake() {
  TRY_ASSIGN(std::string own_work, WorksByItself());
  if (!own_work.empty()) return own_work;
  // Without the session's own, whoever works here by the private socket: jobs of pg_cron do.
  TRY_ASSIGN(const bool works, Exists("pg_stat_activity WHERE backend_type = 'client backend' AND "
                                      "client_port = -1 AND pid <> pg_catalog.pg_backend_pid()"));
  return std::string(works ? "a process of its own is connected to it" : "");
}

Result<std::vector<UsedLibrary>> LibpqSession::UsedLibraries() {
  TRY_ASSIGN(Names lines, Run(LibrariesOfServer()));
  TRY_ASSIGN(const Names databases,
             Run("SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND datconnlimit <> -2 AND "
                 "NOT datistemplate ORDER BY oid LIMIT " +
                 std::to_string(kMaxUserDatabases)));
  for (const std::string& database : databases) {
    Connection connection = ConnectLike(connection_.get(), database);
    if (connection == nullptr) continue;
    auto more = LibpqSession(std::move(connection)).Run(LibrariesOfDatabase());
    if (more) lines.insert(lines.end(), more->begin(), more->end());
  }
  std::vector<UsedLibrary> libraries;
  for (const std::string& line : lines) {
    auto library = UsedLibraryFrom(line);
    if (!library || libraries.size() >= kMaxUsedLibraries) continue;
    if (std::find(libraries.begin(), libraries.end(), *library) == libraries.end()) {
      libraries.push_back(std::move(*library));
    }
  }
  return libraries;
}

OpenDatabase LibpqSession::OpensDatabases() {
  return [this](const std::string& database) -> Result<RunSql> {
    Connection connection = ConnectLike(connection_.get(), database);
    if (connection == nullptr)
      return Fail(ErrorCode::kUnavailable, "cannot connect to database '" + database + "'");
    const auto session = std::make_shared<LibpqSession>(std::move(connection));
    return RunSql([session](const std::string& sql) { return session->Run(sql); });
  };
}

Result<std::vector<int64_t>> LibpqSession::Mask(const std::vector<MaskRule>& rules) {
  TRY_ASSIGN(Masked masked,
             MaskServer({PQserverVersion(connection_.get()) / 10000,
                         [this](const std::string& sql) { return Run(sql); }, OpensDatabases()},
                        rules));
  proofs_ = std::move(masked.proofs);
  return masked.rows;
}

}  // namespace

Result<void> PostgresqlEngine::CheckMask(const Installation& installation, bool /*placed*/) const {
  if (MajorNumberOf(installation.version) >= kFirstToMask) return {};
  return Fail(ErrorCode::kUnsupported,
              "PostgreSQL " + installation.version + " cannot be masked: its log keeps what was written",
              "Restore the dump on PostgreSQL " + std::to_string(kFirstToMask) + " or newer.");
}

Result<std::unique_ptr<Engine::Session>> PostgresqlEngine::Probe(const Launch& launch) const {
  if (launch.purpose == Purpose::kFollow) return OpenStandby(launch);
  TRY_ASSIGN(Connection connection, OpenConnection(launch));
  return std::make_unique<LibpqSession>(std::move(connection), launch.purpose);
}

}  // namespace spawnd::engines::postgresql
