#include <string>

#include "engines/connection_text.h"
#include "engines/redis/database_number.h"
#include "engines/redis/redis_engine.h"

namespace spawnd::engines::redis {
namespace {

std::string NumberOrZero(std::string_view database) {
  return IsDatabaseNumber(database) ? std::string(database) : "0";
}

}  // namespace
/// There are numbered databases only; clients open 0 unless the image says another.
Credentials RedisEngine::MakeCredentials(std::string_view database) const {
  Credentials credentials;
  credentials.password = NewPassword();
  credentials.database = NumberOrZero(database);
  return credentials;
}

ConnectionStrings RedisEngine::Connect(const Endpoint& endpoint, const Credentials& credentials,
                                       std::string_view initial_database, const ClientTls& tls) const {
  // A password of ours is letters and digits: nothing to encode.
  const std::string server = "://:" + credentials.password + "@" + HostInUrl(endpoint.host) + ":" +
                             std::to_string(endpoint.port) + "/";
  const std::string rest = server + credentials.database;
  ConnectionStrings strings;
  const std::string scheme = tls.required ? "rediss" : "redis";
  strings.dotnet = scheme + server + NumberOrZero(initial_database);
  strings.jdbc = "jdbc:" + scheme + rest;
  strings.url = scheme + rest;
  strings.environment = {
      {"REDIS_HOST", endpoint.host},
      {"REDIS_PORT", std::to_string(endpoint.port)},
      {"REDISCLI_AUTH", credentials.password},  // what redis-cli reads
      {"REDIS_URL", strings.url},
      {"DATABASE_URL", strings.url},
  };
  strings.client_command = {std::string(product_.clients.front()), "-h", endpoint.host,       "-p",
                            std::to_string(endpoint.port),         "-n", credentials.database};
  if (tls.required && !tls.ca_certificate.empty()) {
    strings.environment.emplace_back("REDIS_CACERT", tls.ca_certificate);
    strings.client_command.insert(strings.client_command.end(), {"--tls", "--cacert", tls.ca_certificate});
  }
  strings.client_hint = product_.client_hint;
  return strings;
}

}  // namespace spawnd::engines::redis
