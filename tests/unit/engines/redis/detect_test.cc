#include "engines/redis/detect.h"

#include "engines/redis/redis_engine.h"
#include "engines/registry.h"
#include "tests/support/catch.h"

namespace spawnd::engines::redis {
namespace {

TEST_CASE("Redis and Valkey say their versions") {
  CHECK(ParseVersionOutput(
            "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d\n") == "7.0.15");
  CHECK(ParseVersionOutput("Valkey server v=8.1.1 sha=00000000:0 malloc=libc bits=64 build=0\n") == "8.1.1");
  CHECK(ParseVersionOutput("redis-check-rdb 7.0.15\n").empty());
  CHECK(ParseVersionOutput("").empty());
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

TEST_CASE("Redis and Valkey are one engine") {
  for (const char* name : {"redis", "Redis", "valkey"}) CHECK((*FindEngine(name))->Name() == "redis");
}

}  // namespace
}  // namespace spawnd::engines::redis
