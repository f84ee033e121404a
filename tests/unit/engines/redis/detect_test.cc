#include "engines/redis/redis_engine.h"
#include "engines/registry.h"
#include "engines/valkey/valkey_engine.h"
#include "tests/support/catch.h"

namespace spawnd::engines::redis {
namespace {

TEST_CASE("Redis and Valkey say their versions") {
  const std::string_view redis = RedisProduct().version_words;
  const std::string_view valkey = valkey::ValkeyProduct().version_words;
  const std::string seven = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d\n";
  const std::string eight = "Valkey server v=8.1.1 sha=00000000:0 malloc=libc bits=64 build=0\n";
  CHECK(VersionAfter(redis, seven) == "7.0.15");
  CHECK(VersionAfter(valkey, eight) == "8.1.1");
  CHECK(VersionAfter(redis, eight).empty());
  CHECK(VersionAfter(valkey, seven).empty());
  CHECK(VersionAfter(redis, "redis-check-rdb 7.0.15\n").empty());
  CHECK(VersionAfter(redis, "").empty());
}

TEST_CASE("Redis data goes up within a major version, never down") {
  CHECK(RedisEngine().MajorVersion("7.0.15") == "7.0");
  CHECK(RedisEngine().MajorVersion("7.0") == "7.0");
  CHECK(RedisEngine().MajorVersion("7") == "7");
  CHECK(RedisEngine().Satisfies("7.0.15", "7"));
  CHECK(RedisEngine().Satisfies("7.0.15", "7.0"));
  CHECK(RedisEngine().Satisfies("7.2.4", "7.0.15"));
  CHECK_FALSE(RedisEngine().Satisfies("7.0.15", "7.2"));
  CHECK_FALSE(RedisEngine().Satisfies("7.0.15", "6"));
  CHECK_FALSE(RedisEngine().Satisfies("7.0.15", ""));
}

TEST_CASE("Redis and Valkey are two engines, and what one found before the other was there is still opened") {
  for (const char* name : {"redis", "Redis"}) CHECK((*FindEngine(name))->Name() == "redis");
  for (const char* name : {"valkey", "Valkey"}) CHECK((*FindEngine(name))->Name() == "valkey");
  const Engine& redis = **FindEngine("redis");
  const std::vector<Installation> both{{"redis", "7.0.15", "/usr"}, {"valkey", "9.1.2", "/opt/valkey"}};
  CHECK(ChooseInstallation(redis, both, "")->engine == "redis");
  CHECK_FALSE(ChooseInstallation(redis, both, "9.1"));
  CHECK(ChooseForData(redis, both, "7.0.11")->engine == "redis");
  CHECK(ChooseForData(redis, both, "9.1.1")->engine == "valkey");
  CHECK_FALSE(ChooseForData(**FindEngine("valkey"), both, "7.0.15"));
}

}  // namespace
}  // namespace spawnd::engines::redis
