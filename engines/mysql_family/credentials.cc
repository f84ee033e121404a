#include "engines/mysql_family/credentials.h"

#include <string>

#include "engines/connection_text.h"

namespace spawnd::engines::mysql_family {

Credentials NewCredentials(std::string_view database) {
  return {kUser, NewPassword(), database.empty() ? "mysql" : std::string(database)};
}

ConnectionStrings ConnectionStringsFor(const Product& product, const Endpoint& endpoint,
                                       const Credentials& credentials) {
  const std::string port = std::to_string(endpoint.port);
  const std::string address =
      HostInUrl(endpoint.host) + ":" + port + "/" + PercentEncode(credentials.database);
  const std::string user = PercentEncode(credentials.user);
  const std::string password = PercentEncode(credentials.password);
  ConnectionStrings strings;
  strings.dotnet =
      "Server=" + DotnetValue(endpoint.host) + ";Port=" + port + ";User Id=" + DotnetValue(credentials.user) +
      ";Database=" + DotnetValue(credentials.database) + ";Password=" + DotnetValue(credentials.password);
  strings.jdbc =
      std::string(product.jdbc_scheme) + "://" + address + "?user=" + user + "&password=" + password;
  // One scheme for the whole family: it is the one that client libraries know.
  strings.url = "mysql://" + user + ":" + password + "@" + address;
  return strings;
}

}  // namespace spawnd::engines::mysql_family
