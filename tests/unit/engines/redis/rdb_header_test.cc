#include "engines/redis/rdb_header.h"

#include <random>
#include <vector>

#include "engines/redis/product.h"
#include "tests/support/catch.h"

namespace spawnd::engines::redis {
namespace {

std::string Header(const std::string& start, const std::string& field, const std::string& version) {
  return start + '\xFA' + static_cast<char>(field.size()) + field + static_cast<char>(version.size()) +
         version;
}

TEST_CASE("A snapshot is recognised by how it begins and ends") {
  const auto seven = ReadRdbHeader(Header("REDIS0010", "redis-ver", "7.0.15"));
  REQUIRE(seven);
  CHECK(seven->version == 10);
  CHECK(seven->server_version == "Redis 7.0.15");
  const auto valkey = ReadRdbHeader(Header("VALKEY080", "valkey-ver", "9.0.0"));
  REQUIRE(valkey);
  CHECK(valkey->version == 80);
  CHECK(valkey->server_version == "Valkey 9.0.0");
  CHECK(ReadRdbHeader("REDIS0003")->server_version.empty());
  CHECK(ReadRdbHeader("REDIS0009\xFA")->server_version.empty());
  CHECK(ReadRdbHeader("REDIS0009\xFA\x09redis-ver\x06"
                      "7.0")
            ->server_version.empty());
  for (const char* other : {"", "REDIS", "REDIS001", "REDIS00x0", "redis0009", "PGDMP", "VALKEY08"}) {
    INFO(other);
    CHECK_FALSE(ReadRdbHeader(other));
  }
  CHECK(EndsWhole(*seven,
                  "\xFF"
                  "12345678"));
  CHECK_FALSE(EndsWhole(*seven, "123456789"));
  CHECK_FALSE(EndsWhole(*seven, "\xFF"));
  CHECK(EndsWhole(*ReadRdbHeader("REDIS0003"), "\xFF"));
}

TEST_CASE("Whatever stands in a snapshot's beginning is read within its bounds") {
  std::mt19937 random(20261125);
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = random() % 2 == 0 ? "REDIS0009\xFA" : "VALKEY080\xFA";
    for (auto left = random() % 24; left > 0; --left) bytes += static_cast<char>(random());
    bytes.resize(random() % (bytes.size() + 1));
    const std::vector<char> exact(bytes.begin(), bytes.end());  // ends where the sanitizer looks
    const auto header = ReadRdbHeader({exact.data(), exact.size()});
    CHECK(header.has_value() == (bytes.size() >= 9));
  }
}

TEST_CASE("Which snapshots a server reads") {
  const auto& steps = RedisProduct().rdb_formats;
  CHECK(NewestOf(steps, "6.2.7") == 9);
  CHECK(NewestOf(steps, "7.0.15") == 10);
  CHECK(NewestOf(steps, "7.2.4") == 11);
  CHECK(NewestOf(steps, "7.4.0") == 12);
  CHECK(NewestOf(steps, "8.1.1") == 0);
  CHECK(NewestOf(steps, "3.2") == 0);
}

}  // namespace
}  // namespace spawnd::engines::redis
