#include "engines/postgresql/credentials.h"

#include <string>

#include "base/random.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr size_t kSuffixLength = 4;
constexpr size_t kPasswordLength = 16;
/// Lower case, so that the name needs no quotes in SQL.
constexpr std::string_view kSuffixAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789";

/// RFC 3986: everything but unreserved characters.
std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (kLettersAndDigits.find(c) != std::string_view::npos ||
        std::string_view("-._~").find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded.append({'%', kHex[byte >> 4U], kHex[byte & 15U]});
    }
  }
  return encoded;
}

/// A value of an ADO.NET connection string: in quotes only where it would not be read back as it is.
std::string DotnetValue(const std::string& value) {
  const bool plain = !value.empty() && value.find_first_of(";'\"=") == std::string::npos &&
                     value.front() != ' ' && value.back() != ' ';
  if (plain) return value;
  std::string quoted = "\"";
  for (const char c : value) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

std::string HostInUrl(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

}  // namespace

Credentials NewCredentials(std::string_view database) {
  Credentials credentials;
  credentials.user = std::string(kPlaceholder) + "_" + RandomText(kSuffixLength, kSuffixAlphabet);
  credentials.password = RandomText(kPasswordLength, kLettersAndDigits);
  credentials.database = database.empty() ? "postgres" : std::string(database);
  return credentials;
}

ConnectionStrings ConnectionStringsFor(const Endpoint& endpoint, const Credentials& credentials) {
  const std::string port = std::to_string(endpoint.port);
  const std::string address =
      HostInUrl(endpoint.host) + ":" + port + "/" + PercentEncode(credentials.database);
  const std::string user = PercentEncode(credentials.user);
  const std::string password = PercentEncode(credentials.password);
  ConnectionStrings strings;
  strings.dotnet =
      "Host=" + DotnetValue(endpoint.host) + ";Port=" + port + ";Username=" + DotnetValue(credentials.user) +
      ";Database=" + DotnetValue(credentials.database) + ";Password=" + DotnetValue(credentials.password);
  strings.jdbc = "jdbc:postgresql://" + address + "?user=" + user + "&password=" + password;
  strings.url = "postgresql://" + user + ":" + password + "@" + address;
  return strings;
}

}  // namespace spawnd::engines::postgresql
