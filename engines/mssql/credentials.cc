#include "engines/mssql/credentials.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "base/percent_encode.h"
#include "engines/connection_text.h"
#include "engines/mssql/mssql_engine.h"

namespace spawnd::engines::mssql {
namespace {

/// A value of a JDBC connection string: in braces, where only the closing one is doubled.
std::string JdbcValue(const std::string& value) {
  const bool plain = !value.empty() && value.find_first_of(";{} =") == std::string::npos;
  if (plain) return value;
  std::string quoted = "{";
  for (const char c : value) quoted.append(c == '}' ? 2 : 1, c);
  return quoted + "}";
}

template <typename Is>
bool HasOne(const std::string& text, Is is) {
  return std::any_of(text.begin(), text.end(), [&](unsigned char c) { return is(c) != 0; });
}

std::string NamedOrOwn(std::string_view database) {
  return database.empty() ? "master" : std::string(database);
}

}  // namespace

std::string StrongPassword() {
  while (true) {
    std::string password = NewPassword();
    const bool strong = HasOne(password, [](int c) { return std::isupper(c); }) &&
                        HasOne(password, [](int c) { return std::islower(c); }) &&
                        HasOne(password, [](int c) { return std::isdigit(c); });
    if (strong) return password;
  }
}

std::string AdministratorPassword(const Launch& launch) {
  // The keeper's is of small letters; the server's policy wants two other kinds of characters.
  return launch.credentials.superuser ? launch.credentials.password : launch.keeper_password + "A1";
}

Credentials MssqlEngine::MakeOwnerCredentials(std::string_view database) const {
  return {kOwner, StrongPassword(), NamedOrOwn(database), false};
}

Credentials MssqlEngine::MakeCredentials(std::string_view database) const {
  return {kAdministrator, StrongPassword(), NamedOrOwn(database)};
}

ConnectionStrings MssqlEngine::Connect(const Endpoint& endpoint, const Credentials& credentials,
                                       std::string_view initial_database, const ClientTls& /*tls*/) const {
  const std::string port = std::to_string(endpoint.port);
  ConnectionStrings strings;
  strings.dotnet = "Data Source=" + endpoint.host + "," + port +
                   ";Initial Catalog=" + DotnetValue(NamedOrOwn(initial_database)) +
                   ";User ID=" + DotnetValue(credentials.user) +
                   ";Password=" + DotnetValue(credentials.password);
  // The server's certificate is one that it made itself.
  strings.jdbc = "jdbc:sqlserver://" + endpoint.host + ":" + port +
                 ";databaseName=" + JdbcValue(credentials.database) + ";user=" + JdbcValue(credentials.user) +
                 ";password=" + JdbcValue(credentials.password) + ";encrypt=true;trustServerCertificate=true";
  strings.url = "sqlserver://" + PercentEncode(credentials.user) + ":" + PercentEncode(credentials.password) +
                "@" + endpoint.host + ":" + port + "?database=" + PercentEncode(credentials.database);
  return strings;
}

}  // namespace spawnd::engines::mssql
