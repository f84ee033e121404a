#include <string>

#include "base/percent_encode.h"
#include "base/random.h"
#include "engines/connection_text.h"
#include "engines/postgresql/accounts.h"
#include "engines/postgresql/postgresql_engine.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr size_t kSuffixLength = 4;
/// Lower case, so that the name needs no quotes in SQL.
constexpr std::string_view kSuffixAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789";

/// A value in one of libpq's connection strings.
std::string ConnectionValue(std::string_view text) {
  std::string value = "'";
  for (const char c : text) value.append(c == '\'' || c == '\\' ? "\\" : "").append(1, c);
  return value + "'";
}

std::string NamedOrOwn(std::string_view database) {
  return database.empty() ? "postgres" : std::string(database);
}

}  // namespace

Credentials PostgresqlEngine::MakeCredentials(std::string_view database) const {
  Credentials credentials;
  credentials.user = std::string(kPlaceholder) + "_" + RandomText(kSuffixLength, kSuffixAlphabet);
  credentials.password = NewPassword();
  credentials.database = NamedOrOwn(database);
  return credentials;
}

ConnectionStrings PostgresqlEngine::Connect(const Endpoint& endpoint, const Credentials& credentials,
                                            std::string_view initial_database, const ClientTls& tls) const {
  const std::string port = std::to_string(endpoint.port);
  const std::string address =
      HostInUrl(endpoint.host) + ":" + port + "/" + PercentEncode(credentials.database);
  const std::string user = PercentEncode(credentials.user);
  const std::string password = PercentEncode(credentials.password);
  ConnectionStrings strings;
  strings.dotnet = "Host=" + DotnetValue(endpoint.host) + ";Port=" + port +
                   ";Username=" + DotnetValue(credentials.user) +
                   ";Database=" + DotnetValue(NamedOrOwn(initial_database)) +
                   ";Password=" + DotnetValue(credentials.password);
  strings.jdbc = "jdbc:postgresql://" + address + "?user=" + user + "&password=" + password;
  strings.url = "postgresql://" + user + ":" + password + "@" + address;
  strings.environment = {
      {"PGHOST", endpoint.host},
      {"PGPORT", port},
      {"PGUSER", credentials.user},
      {"PGPASSWORD", credentials.password},
      {"PGDATABASE", credentials.database},
      {"DATABASE_URL", strings.url},
  };
  // In words too: a service file of the user's (PGSERVICE) counts more than the environment, but less than
  // these.
  strings.client_command = {"psql", "--host=" + endpoint.host, "--port=" + port,
                            "--username=" + credentials.user, "--dbname=" + credentials.database};
  if (!tls.ca_certificate.empty()) {
    // Without PGSSLMODE: libraries that are not libpq read that one, and do not know this one.
    strings.environment.emplace_back("PGSSLROOTCERT", tls.ca_certificate);
    strings.client_command.back() = "--dbname=dbname=" + ConnectionValue(credentials.database) +
                                    " sslmode=verify-full sslrootcert=" + ConnectionValue(tls.ca_certificate);
  }
  strings.client_hint = "Install it: apt install postgresql-client";
  return strings;
}

}  // namespace spawnd::engines::postgresql
