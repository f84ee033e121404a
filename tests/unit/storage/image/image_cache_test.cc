#include <vector>

#include "storage/image/chunk_cache.h"
#include "tests/support/catch.h"

namespace spawnd::storage {
namespace {

std::vector<std::byte> Value(uint64_t key) {
  return std::vector<std::byte>(64, static_cast<std::byte>(key));
}

bool Holds(ChunkCache& cache, uint64_t key) {
  bool right = true;
  const bool found = cache.Visit(key, [&](std::span<const std::byte> value) {
    for (const std::byte byte : value) right = right && byte == static_cast<std::byte>(key);
    right = right && value.size() == 64;
  });
  REQUIRE(right);
  return found;
}

TEST_CASE("a cache gives back what was put in, under its own key") {
  ChunkCache cache(64);
  CHECK_FALSE(Holds(cache, 0));
  for (uint64_t key = 0; key < 50; ++key) cache.Insert(key, Value(key));
  for (uint64_t key = 0; key < 50; ++key) CHECK(Holds(cache, key));
  CHECK_FALSE(Holds(cache, 50));
}

TEST_CASE("the least recently used value of a shard goes first") {
  ChunkCache cache(64);
  const auto key = [](uint64_t n) { return n * ChunkCache::kShards; };  // all in one shard
  for (uint64_t n = 0; n < ChunkCache::kWays; ++n) cache.Insert(key(n), Value(key(n)));
  REQUIRE(Holds(cache, key(0)));  // now 1 is the oldest
  cache.Insert(key(100), Value(key(100)));
  CHECK(Holds(cache, key(0)));
  CHECK_FALSE(Holds(cache, key(1)));
  CHECK(Holds(cache, key(2)));
  CHECK(Holds(cache, key(100)));
}

}  // namespace
}  // namespace spawnd::storage
