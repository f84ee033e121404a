#include "engines/postgresql/connection.h"

#include <poll.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <vector>

#include "engines/postgresql/accounts.h"
#include "engines/postgresql/detect.h"

namespace spawnd::engines::postgresql {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kConnectDeadline{1000};
constexpr std::chrono::seconds kCommitDeadline{10};
/// For libpq, in seconds.
constexpr const char* kConnectSeconds = "30";

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
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

constexpr const char* kNoSessionLibraries = "-c session_preload_libraries=";
constexpr const char* kNoLocalLibraries = "-c local_preload_libraries=";
constexpr const char* kNoWaiting = "-c synchronous_commit=off";

/// Settings of our sessions, which count more than what ALTER ROLE, ALTER DATABASE and ALTER SYSTEM say. A
/// statement of ours must neither time out nor be refused nor be somebody else's, no library and no trigger
/// of a user's runs in it, names mean pg_catalog's, literals are standard. synchronous_commit: what is
/// prepared is prepared again after a crash, so nobody waits for its flush.
std::string SessionOptions(std::string_view version) {
  std::string options =
      "-c search_path=pg_catalog -c standard_conforming_strings=on -c role=none "
      "-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 "
      "-c default_transaction_read_only=off -c client_min_messages=error ";
  options += std::string(kNoSessionLibraries) + " " + kNoLocalLibraries + " " + kNoWaiting;
  const int major = MajorNumberOf(version);
  if (major >= 14) options += " -c idle_session_timeout=0";
  // Event triggers, those of a login among them. Before 17, there are none of a login, and the others can be
  // kept from firing in no other way; a superuser's may be made to fire even so.
  options += major >= 17 ? " -c event_triggers=off -c transaction_timeout=0"
                         : " -c session_replication_role=replica";
  return options;
}

struct Login {
  std::string user;
  std::string database;
};

Result<Connection> LogIn(const Launch& launch, const Login& login) {
  const std::string port = std::to_string(launch.endpoint.port);
  const std::string options = SessionOptions(launch.installation.version);
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
  const std::array<const char*, 12> values{launch.paths.socket_directory.c_str(),
                                           port.c_str(),
                                           login.user.c_str(),
                                           login.database.c_str(),
                                           "disable",
                                           "disable",
                                           options.c_str(),
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
  if (no_database) return Fail(ErrorCode::kNotFound, message);
  // "role ... is not permitted to log in", "does not exist"; a superuser alone may set most of the options.
  const bool shut_out = Contains(message, "role \"") || Contains(message, "permission denied to set");
  return Fail(shut_out ? ErrorCode::kForbidden : ErrorCode::kInternal, message);
}

/// As `user`, in the first of the databases that is there.
Result<Connection> LogInSomewhere(const Launch& launch, const std::string& user) {
  // The first may not exist yet (a build), the second may have been dropped by a restore; the third always is
  // there.
  Result<Connection> connection = Fail(ErrorCode::kNotFound, "");
  for (const std::string& database :
       {launch.credentials.database, std::string("postgres"), std::string("template1")}) {
    if (database.empty()) continue;
    connection = LogIn(launch, {user, database});
    if (connection || connection.error().code != ErrorCode::kNotFound) break;
  }
  return connection;
}

/// The container's user is a superuser as well, and may have renamed the other one or taken its rights away.
/// So they are given back in his name.
Result<void> LetSuperuserIn(const Launch& launch) {
  Result<Connection> connection = LogInSomewhere(launch, launch.credentials.user);
  if (!connection) connection = LogInSomewhere(launch, std::string(kPlaceholder));
  if (!connection) return Fail(std::move(connection.error()));
  const std::string name = kSuperuser;
  const std::string give_back = "ALTER ROLE " + name + " LOGIN SUPERUSER";
  using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;
  const Result given(PQexec(connection->get(), give_back.c_str()), PQclear);
  if (PQresultStatus(given.get()) == PGRES_COMMAND_OK) return {};
  const Result made(PQexec(connection->get(), ("CREATE ROLE " + name + " LOGIN SUPERUSER").c_str()), PQclear);
  if (PQresultStatus(made.get()) == PGRES_COMMAND_OK) return {};
  return Fail(ErrorCode::kForbidden, FirstLine(PQresultErrorMessage(given.get())));
}

}  // namespace

std::string FirstLine(const char* message) {
  const std::string_view text(message);
  return std::string(text.substr(0, text.find('\n')));
}

Result<Connection> OpenConnection(const Launch& launch) {
  auto connection = LogInSomewhere(launch, kSuperuser);
  const bool shut_out = !connection && connection.error().code == ErrorCode::kForbidden;
  if (!shut_out || !launch.credentials.superuser) return connection;
  const auto let_in = LetSuperuserIn(launch);
  return let_in ? LogInSomewhere(launch, kSuperuser) : std::move(connection);
}

namespace {

/// `without` is taken out of its options. Never null.
Connection ConnectWithout(const std::vector<std::string_view>& without, PGconn* like,
                          const std::string& database) {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfo(like),
                                                                             PQconninfoFree);
  std::vector<const char*> names;
  std::vector<const char*> values;
  std::string session_options;
  for (const PQconninfoOption* option = options.get(); option != nullptr && option->keyword != nullptr;
       ++option) {
    if (option->val == nullptr) continue;
    const std::string_view keyword = option->keyword;
    names.push_back(option->keyword);
    values.push_back(keyword == "dbname" ? database.c_str() : option->val);
    if (keyword != "options") continue;
    session_options = option->val;
    for (const std::string_view part : without) {
      const size_t at = session_options.find(part);
      if (at != std::string::npos) session_options.erase(at, part.size());
    }
    values.back() = session_options.c_str();
  }
  names.push_back("connect_timeout");
  values.push_back(kConnectSeconds);
  names.push_back(nullptr);
  values.push_back(nullptr);
  return Connection(PQconnectdbParams(names.data(), values.data(), 0));
}

}  // namespace

Connection ConnectLike(PGconn* like, const std::string& database) {
  Connection connection = ConnectWithout({}, like, database);
  if (PQstatus(connection.get()) != CONNECTION_OK) return nullptr;
  return connection;
}

Result<void> TryAsOthersDo(PGconn* like, const std::string& database) {
  const Connection connection = ConnectWithout({kNoSessionLibraries, kNoLocalLibraries}, like, database);
  if (PQstatus(connection.get()) == CONNECTION_OK) return {};
  std::string message = FirstLine(PQerrorMessage(connection.get()));
  const size_t at = message.find("FATAL:  ");
  const bool of_server = at != std::string::npos;
  return Fail(of_server ? ErrorCode::kUnsupported : ErrorCode::kUnavailable,
              of_server ? message.substr(at + 8) : message);
}

Result<void> TryCommit(PGconn* like) {
  const Connection connection =
      ConnectWithout({kNoSessionLibraries, kNoLocalLibraries, kNoWaiting}, like, PQdb(like));
  // A message in the log is the least that a commit has to wait for.
  const bool sent = PQstatus(connection.get()) == CONNECTION_OK &&
                    PQsendQuery(connection.get(),
                                "SELECT pg_catalog.pg_logical_emit_message(true, 'spawnd', 'commit')") == 1;
  const auto deadline = steady_clock::now() + kCommitDeadline;
  while (sent && PQisBusy(connection.get()) == 1) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
    pollfd fd{PQsocket(connection.get()), POLLIN, 0};
    const int ready = left > 0 ? ::poll(&fd, 1, static_cast<int>(left)) : 0;
    if (ready == 0) {
      return Fail(ErrorCode::kUnsupported,
                  "a commit does not end; it waits for a standby (synchronous_standby_names)");
    }
    if (ready > 0 && PQconsumeInput(connection.get()) != 1) break;
  }
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(sent ? PQgetResult(connection.get()) : nullptr,
                                                             PQclear);
  if (PQresultStatus(result.get()) == PGRES_TUPLES_OK) return {};
  return Fail(ErrorCode::kUnsupported,
              "nothing can be committed: " + FirstLine(PQerrorMessage(connection.get())));
}

}  // namespace spawnd::engines::postgresql
