/// The session with a standby. It has the roles and databases of the primary, and takes no changes: the only
/// user that is sure to be there is the one it follows as.
#include <libpq-fe.h>

#include <array>
#include <memory>
#include <string>

#include "engines/postgresql/connection.h"
#include "engines/postgresql/standby/recipe.h"

namespace spawnd::engines::postgresql {
namespace {

class StandbySession final : public Engine::Session {
 public:
  explicit StandbySession(Connection connection) : connection_(std::move(connection)) {}

  Result<void> PrepareContainer(const Credentials& /*credentials*/) override { return {}; }
  Result<void> PrepareImage(const Credentials& /*credentials*/) override { return {}; }
  Result<void> CreateDatabase(const std::string& /*database*/) override {
    return Fail(ErrorCode::kUnsupported, "a standby takes no changes");
  }
  Result<std::vector<std::string>> UserDatabases(const Credentials& /*credentials*/) override {
    return std::vector<std::string>();
  }

 private:
  Connection connection_;
};

Connection LogIn(const Launch& launch, const char* database) {
  const std::string port = std::to_string(launch.endpoint.port);
  // Everything that libpq would else take from the environment or from files is said here.
  const std::array<const char*, 9> names{
      "host", "port", "user", "dbname", "sslmode", "passfile", "gssencmode", "connect_timeout", nullptr};
  const std::array<const char*, 9> values{launch.paths.socket_directory.c_str(),
                                          port.c_str(),
                                          launch.primary->user.c_str(),
                                          database,
                                          "disable",
                                          "/dev/null/none",
                                          "disable",
                                          "5",
                                          nullptr};
  return Connection(PQconnectdbParams(names.data(), values.data(), 0));
}

}  // namespace

Result<std::unique_ptr<Engine::Session>> OpenStandby(const Launch& launch) {
  if (!launch.primary) return Fail(ErrorCode::kInternal, "a standby without a primary");
  std::string message;
  for (const char* database : {"postgres", "template1"}) {
    Connection connection = LogIn(launch, database);
    if (PQstatus(connection.get()) == CONNECTION_OK) {
      return std::make_unique<StandbySession>(std::move(connection));
    }
    message = FirstLine(PQerrorMessage(connection.get()));
    if (message.find("database \"") == std::string::npos) break;
  }
  const bool for_good = message.find("FATAL:") != std::string::npos &&
                        message.find("the database system is") == std::string::npos &&
                        message.find("too many") == std::string::npos &&
                        message.find("slots") == std::string::npos;
  return Fail(for_good ? ErrorCode::kInternal : ErrorCode::kUnavailable, message);
}

}  // namespace spawnd::engines::postgresql
