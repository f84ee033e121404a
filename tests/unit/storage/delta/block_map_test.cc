#include "storage/delta/block_map.h"

#include <fstream>

#include "tests/support/catch.h"

namespace spawnd::storage {
namespace {

TEST_CASE("a new map is empty, and forgets what is taken back") {
  auto map = BlockMap::Create(2000).value();
  CHECK(map.NextEntry(0) == 2000);
  map.Set(700, BlockMap::ValueOf(5));
  map.Set(1999, BlockMap::kZero);
  CHECK(map.NextEntry(0) == 700);
  CHECK(map.NextEntry(700) == 700);
  CHECK(map.NextEntry(701) == 1999);
  CHECK(BlockMap::IsSlot(map.Get(700)));
  CHECK(BlockMap::SlotOf(map.Get(700)) == 5);
  CHECK_FALSE(BlockMap::IsSlot(map.Get(1999)));
  map.Set(700, BlockMap::kZero);
  map.Set(700, BlockMap::kAbsent);
  map.Set(700, BlockMap::kAbsent);
  CHECK(map.NextEntry(0) == 1999);
  map.Set(1999, BlockMap::kAbsent);
  CHECK(map.NextEntry(0) == 2000);
}

TEST_CASE("a map of the largest volume costs memory only where it is written") {
  const auto resident_kib = [] {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
      if (word != "VmRSS:") continue;
      uint64_t kib = 0;
      status >> kib;
      return kib;
    }
    return uint64_t{0};
  };
  const uint64_t before = resident_kib();
  auto map = BlockMap::Create(1U << 31).value();
  for (uint32_t i = 0; i < 100; ++i) map.Set(i * 20'000'000U, BlockMap::ValueOf(i));
  uint32_t found = 0;
  for (uint32_t block = map.NextEntry(0); block < map.Blocks(); block = map.NextEntry(block + 1)) ++found;
  CHECK(found == 100);
  // Written out it would be 8 GiB. Pages that were only read are the shared zero page (though a sanitizer
  // keeps notes of its own about them).
  CHECK(resident_kib() - before < 128 * 1024);
}

}  // namespace
}  // namespace spawnd::storage
