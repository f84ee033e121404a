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
                                        std::string_view initial_database, const ClientTls& tls) const {
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
  if (tls.required) strings.jdbc += "&" + std::string(product_.jdbc_tls);
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
  if (!tls.ca_certificate.empty()) {
    // There is no variable for the authority, but one for the folder of an option file that says it.
    strings.environment.emplace_back("MYSQL_HOME",
                                     tls.ca_certificate.substr(0, tls.ca_certificate.rfind('/')));
    strings.environment.emplace_back("MYSQL_SSL_CA", tls.ca_certificate);
    // With it alone the product's own client verifies; MariaDB's before 11.4 wants to be told.
    strings.client_command.push_back("--ssl-ca=" + tls.ca_certificate);
  }
  strings.client_hint = "Install it: apt install mariadb-client-core";
  return strings;
}

}  // namespace spawnd::engines::mysql_family
