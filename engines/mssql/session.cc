/// A FreeTDS connection to a container's server as sa, over TCP: sqlservr has no private socket, and takes
/// sa's password from its environment at every start (launch.cc). Used by one thread at a time.
#include <string>
#include <utility>

#include "engines/mssql/credentials.h"
#include "engines/mssql/mssql_engine.h"
#include "engines/mssql/tds_client.h"
#include "engines/mssql/tsql.h"

namespace spawnd::engines::mssql {
namespace {

constexpr std::chrono::seconds kDeadline{30};

class TdsSession final : public Engine::Session {
 public:
  TdsSession(TdsClient client, std::string password)
      : client_(std::move(client)), password_(std::move(password)) {}

  /// The login has shown that sa has this password. What is said again is that no policy lets it expire.
  Result<void> PrepareContainer(const Credentials& credentials) override {
    TRY(Do(SetPasswordStatement(kAdministrator, password_)));
    if (credentials.superuser) return {};
    for (const std::string& statement : OwnerLoginStatements(credentials.user, credentials.password)) {
      TRY(Do(statement));
    }
    return GiveDatabases(credentials, credentials.user);
  }

  /// With a password that nobody has ever seen.
  Result<void> PrepareImage(const Credentials& credentials) override {
    if (credentials.user != kAdministrator) {
      TRY(GiveDatabases(credentials, kAdministrator));
      TRY(Do("DROP LOGIN " + Identifier(credentials.user)));
    }
    return Do(SetPasswordStatement(kAdministrator, StrongPassword()));
  }

  Result<void> CreateDatabase(const std::string& database) override {
    if (database.empty()) return {};
    TRY(CheckDatabaseName(database));
    auto created = Do(CreateDatabaseStatement(database));
    if (!created) return Fail(created.error().Wrap("cannot create database '" + database + "'"));
    return {};
  }

  Result<std::vector<std::string>> UserDatabases(const Credentials& /*credentials*/) override {
    TRY_ASSIGN(const Table table, client_.Run(UserDatabasesQuery()));
    std::vector<std::string> names;
    for (const auto& row : table.rows) {
      if (!row.empty() && row.front()) names.push_back(*row.front());
    }
    return names;
  }

 private:
  Result<void> GiveDatabases(const Credentials& credentials, const std::string& owner) {
    TRY_ASSIGN(const std::vector<std::string> databases, UserDatabases(credentials));
    for (const std::string& database : databases) TRY(Do(GiveDatabaseStatement(database, owner)));
    return {};
  }

  Result<void> Do(const std::string& sql) {
    TRY(client_.Run(sql));
    return {};
  }

  TdsClient client_;
  const std::string password_;
};

}  // namespace

Result<std::unique_ptr<Engine::Session>> MssqlEngine::Probe(const Launch& launch) const {
  TRY_ASSIGN(TdsClient client,
             TdsClient::Open(launch.endpoint, kAdministrator, AdministratorPassword(launch), kDeadline));
  TRY(client.Run("SELECT 1"));
  return std::make_unique<TdsSession>(std::move(client), AdministratorPassword(launch));
}

}  // namespace spawnd::engines::mssql
