#include <string>

#include "base/percent_encode.h"
#include "engines/connection_text.h"
#include "engines/mysql_family/family_engine.h"

namespace spawnd::engines::mysql_family {
namespace {

std::string NamedOrOwn(std::string_view database) {
  return database.empty() ? "mysql" : std::string(database);
}

}  // namespace

/// The user of every container, over TCP, has the name that scripts written for the product expect.
Credentials FamilyEngine::MakeCredentials(std::string_view database) const {
  return {"root", NewPassword(), NamedOrOwn(database)};
}

ConnectionStrings FamilyEngine::Connect(const Endpoint& endpoint, const Credentials& credentials,
                                        std::string_view initial_database) const {
  const std::string port = std::to_string(endpoint.port);
  const std::string address =
      HostInUrl(endpoint.host) + ":" + port + "/" + PercentEncode(credentials.database);
  const std::string user = PercentEncode(credentials.user);
  const std::string password = PercentEncode(credentials.password);
  ConnectionStrings strings;
  strings.dotnet = "Server=" + DotnetValue(endpoint.host) + ";Port=" + port +
                   ";User Id=" + DotnetValue(credentials.user) +
                   ";Database=" + DotnetValue(NamedOrOwn(initial_database)) +
                   ";Password=" + DotnetValue(credentials.password);
  strings.jdbc =
      std::string(product_.jdbc_scheme) + "://" + address + "?user=" + user + "&password=" + password;
  // One scheme for the whole family: it is the one that client libraries know.
  strings.url = "mysql://" + user + ":" + password + "@" + address;
  strings.environment = {
      {"MYSQL_HOST", endpoint.host},
      {"MYSQL_TCP_PORT", port},
      {"MYSQL_USER", credentials.user},
      {"MYSQL_PWD", credentials.password},  // what the family's own clients read
      {"MYSQL_DATABASE", credentials.database},
      {"DATABASE_URL", strings.url},
  };
  strings.client_command = {
      "mysql",          "--host=" + endpoint.host,    "--port=" + port,
      "--protocol=tcp", "--user=" + credentials.user, "--database=" + credentials.database};
  strings.client_hint = "Install it: apt install mariadb-client-core";
  return strings;
}

}  // namespace spawnd::engines::mysql_family
