#include "engines/redis/credentials.h"

#include <string>

#include "engines/connection_text.h"

namespace spawnd::engines::redis {
namespace {

constexpr size_t kMostDigits = 6;

}  // namespace

Credentials NewCredentials(std::string_view database) {
  Credentials credentials;
  credentials.password = NewPassword();
  credentials.database = IsDatabaseNumber(database) ? std::string(database) : "0";
  return credentials;
}

ConnectionStrings ConnectionStringsFor(const Endpoint& endpoint, const Credentials& credentials) {
  // A password of ours is letters and digits: nothing to encode.
  const std::string rest = "://:" + credentials.password + "@" + HostInUrl(endpoint.host) + ":" +
                           std::to_string(endpoint.port) + "/" + credentials.database;
  ConnectionStrings strings;
  strings.dotnet = "redis" + rest;
  strings.jdbc = "jdbc:redis" + rest;
  strings.url = "redis" + rest;
  strings.environment = {
      {"REDIS_HOST", endpoint.host},
      {"REDIS_PORT", std::to_string(endpoint.port)},
      {"REDISCLI_AUTH", credentials.password},  // what redis-cli reads
      {"REDIS_URL", strings.url},
      {"DATABASE_URL", strings.url},
  };
  strings.client_command = {
      "redis-cli", "-h", endpoint.host, "-p", std::to_string(endpoint.port), "-n", credentials.database};
  strings.client_hint = "Install it: apt install redis-tools";
  return strings;
}

bool IsDatabaseNumber(std::string_view text) {
  if (text.empty() || text.size() > kMostDigits) return false;
  if (text.find_first_not_of("0123456789") != std::string_view::npos) return false;
  return text == "0" || text.front() != '0';
}

}  // namespace spawnd::engines::redis
