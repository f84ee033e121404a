/// Which pooled containers stay within the memory that there is, and what is started next.
#include "daemon/pool/plan.h"

#include "daemon/pool/memory.h"
#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

using Ids = std::vector<int64_t>;

TEST_CASE("each image gets its first before any gets its second") {
  std::vector<PoolOfImage> pools{{.image_id = 1, .wanted = 3, .bytes_each = 10},
                                 {.image_id = 2, .wanted = 2, .bytes_each = 10}};
  std::vector<int64_t> filled;
  for (int64_t id = 100; id < 110; ++id) {
    const PoolPlan plan = PlanPools(pools, 40);
    CHECK(plan.give_up.empty());
    if (!plan.fill) break;
    filled.push_back(*plan.fill);
    pools[static_cast<size_t>(*plan.fill - 1)].have.push_back(id);
  }
  CHECK(filled == Ids{1, 2, 1, 2});
}

TEST_CASE("what has no room goes, of the image that was used longest ago first") {
  const std::vector<PoolOfImage> pools{{.image_id = 1, .wanted = 2, .have = {11, 12}, .bytes_each = 10},
                                       {.image_id = 2, .wanted = 1, .have = {21}, .bytes_each = 10},
                                       {.image_id = 3, .wanted = 1, .have = {31}, .bytes_each = 5}};
  CHECK(PlanPools(pools, 35).give_up.empty());
  CHECK(PlanPools(pools, 25).give_up == Ids{12});
  CHECK(PlanPools(pools, 15).give_up == Ids{21, 12});
  CHECK(PlanPools(pools, 0).give_up == Ids{31, 21, 11, 12});
  CHECK_FALSE(PlanPools(pools, 0).fill);
}

TEST_CASE("what nobody wants goes, and what is too large is not started") {
  CHECK(PlanPools(std::vector<PoolOfImage>{{.image_id = 1, .wanted = 0, .have = {11}}}, 100).give_up ==
        Ids{11});
  const std::vector<PoolOfImage> pools{{.image_id = 1, .wanted = 1, .bytes_each = 101},
                                       {.image_id = 2, .wanted = 1, .bytes_each = 100}};
  CHECK(PlanPools(pools, 100).fill == 2);
  CHECK_FALSE(PlanPools({}, 100).fill);
}

TEST_CASE("memory is short when less than the floor is left") {
  constexpr uint64_t kGiB = uint64_t{1} << 30U;
  CHECK(MachineMemory{8 * kGiB, 4 * kGiB}.ShortageBytes() == 0);
  CHECK(MachineMemory{8 * kGiB, kGiB / 4}.ShortageBytes() == kGiB / 4);
  CHECK(MachineMemory{}.ShortageBytes() == 0);
  CHECK(ReadMachineMemory().total_bytes > ReadMachineMemory().available_bytes);
}

}  // namespace
}  // namespace spawnd::daemon
