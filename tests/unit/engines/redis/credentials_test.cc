#include "engines/redis/database_number.h"
#include "engines/redis/redis_engine.h"
#include "tests/support/catch.h"

namespace spawnd::engines::redis {
namespace {

TEST_CASE("a server that takes TLS only has another URL") {
  const ConnectionStrings strings =
      RedisEngine().Connect({"127.0.0.1", 20001}, {"", "W", "0"}, "", {"/s/tls/ca.crt", true});
  CHECK(strings.url == "rediss://:W@127.0.0.1:20001/0");
  CHECK(strings.client_command == std::vector<std::string>{"redis-cli", "-h", "127.0.0.1", "-p", "20001",
                                                           "-n", "0", "--tls", "--cacert", "/s/tls/ca.crt"});
}

TEST_CASE("Redis's addresses have a password and a number") {
  Credentials credentials = RedisEngine().MakeCredentials("");
  CHECK(credentials.user.empty());
  CHECK(credentials.password.size() == 16);
  CHECK(credentials.database == "0");
  CHECK(RedisEngine().MakeCredentials("3").database == "3");
  CHECK(RedisEngine().MakeCredentials("shop").database == "0");
  credentials.password = "W";
  const ConnectionStrings strings = RedisEngine().Connect({"127.0.0.1", 20001}, credentials, "", {});
  CHECK(strings.dotnet == "redis://:W@127.0.0.1:20001/0");
  CHECK(strings.url == strings.dotnet);
  CHECK(strings.jdbc == "jdbc:redis://:W@127.0.0.1:20001/0");
  CHECK(RedisEngine().Connect({"::1", 1}, credentials, "", {}).url == "redis://:W@[::1]:1/0");
  CHECK(RedisEngine().Connect({"h", 1}, credentials, "3", {}).dotnet == "redis://:W@h:1/3");
  CHECK(RedisEngine().Connect({"h", 1}, credentials, "shop", {}).dotnet == "redis://:W@h:1/0");
  for (const char* number : {"0", "15", "999999"}) CHECK(IsDatabaseNumber(number));
  for (const char* other : {"", "-1", "01", "1000000", "1x", " 1"}) CHECK_FALSE(IsDatabaseNumber(other));
}

}  // namespace
}  // namespace spawnd::engines::redis
