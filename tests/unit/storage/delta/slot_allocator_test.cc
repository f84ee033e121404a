#include "storage/delta/slot_allocator.h"

#include <random>
#include <vector>

#include "tests/support/catch.h"

namespace spawnd::storage {
namespace {

TEST_CASE("slots come in contiguous runs, and freed ones are used again") {
  auto slots = SlotAllocator::Create(4096).value();
  const SlotRun first = slots.Allocate(100, 1);
  CHECK(first.first == 0);
  CHECK(first.count == 100);
  CHECK(slots.Tag(99) == 1);
  const SlotRun second = slots.Allocate(100, 2);
  CHECK(second.first == 100);
  for (uint32_t slot = 10; slot < 60; ++slot) slots.Release(slot);
  CHECK(slots.InUse() == 150);
  const SlotRun again = slots.Allocate(30, 3);
  CHECK(again.first == 10);
  CHECK(again.count == 30);
  CHECK(slots.End() == 200);
}

TEST_CASE("slots written ahead are the next to be given out") {
  auto slots = SlotAllocator::Create(4096).value();
  slots.Allocate(1000, 1);
  const SlotRun ahead = slots.TakeNew(64);
  CHECK(ahead.first == 1000);
  CHECK(ahead.count == 64);
  CHECK(slots.Allocate(2, 2).first == 1064);  // nobody gets them while they are being written
  for (uint32_t slot = 1000; slot < 1064; ++slot) slots.Release(slot);
  slots.Release(3);  // free as well, and nearer to the front
  CHECK(slots.Free() == 65);
  CHECK(slots.Allocate(2, 2).first == 1000);
  CHECK(slots.TakeNew(1 << 20).count == 4096 - 1066);  // what there is
  CHECK(slots.TakeNew(1).count == 0);
}

TEST_CASE("a large write is not scattered over single free slots") {
  auto slots = SlotAllocator::Create(4096).value();
  for (int i = 0; i < 4; ++i) slots.Allocate(256, 1);
  for (uint32_t slot = 0; slot < 1024; slot += 16) slots.Release(slot);
  const SlotRun large = slots.Allocate(64, 2);
  CHECK(large.first == 1024);
  CHECK(large.count == 64);
  CHECK(slots.Allocate(1, 2).first % 16 == 0);
}

TEST_CASE("a full allocator uses what is free, then says so") {
  auto slots = SlotAllocator::Create(256).value();
  CHECK(slots.Allocate(256, 1).count == 256);
  CHECK(slots.Allocate(1, 1).count == 0);
  slots.Release(77);
  const SlotRun last = slots.Allocate(8, 1);
  CHECK(last.first == 77);
  CHECK(last.count == 1);
  CHECK(slots.Allocate(1, 1).count == 0);
}

TEST_CASE("new slots leave free ones alone, and end with the file") {
  auto slots = SlotAllocator::Create(256).value();
  CHECK(slots.Allocate(100, 1).count == 100);
  for (uint32_t slot = 0; slot < 50; ++slot) slots.Release(slot);
  const SlotRun run = slots.AllocateNew(100, 7);
  CHECK(run.first == 100);
  CHECK(run.count == 100);
  CHECK(slots.Tag(150) == 7);
  CHECK(slots.Free() == 50);
  CHECK(slots.AllocateNew(100, 7).count == 56);
  CHECK(slots.AllocateNew(1, 7).count == 0);
  CHECK(slots.Free() == 50);
}

TEST_CASE("waiting slots are neither free nor lost") {
  auto slots = SlotAllocator::Create(256).value();
  slots.Allocate(200, 1);
  WaitingSlots one;
  WaitingSlots two;
  for (uint32_t slot = 0; slot < 50; ++slot) slots.Wait(slot, slot % 2 == 0 ? one : two);
  CHECK(slots.InUse() == 200);
  CHECK(slots.Allocate(10, 2).first == 200);
  slots.Merge(one, two);
  CHECK(one.count == 0);
  CHECK(two.count == 50);
  slots.Merge(one, two);
  CHECK(two.count == 50);
  slots.ReleaseAll(two);
  CHECK(two.count == 0);
  CHECK(slots.InUse() == 160);
  CHECK(slots.Allocate(50, 3).first == 0);
}

TEST_CASE("recovery adopts each slot once") {
  auto slots = SlotAllocator::Create(1000).value();
  CHECK(slots.Adopt(700, 4));
  CHECK_FALSE(slots.Adopt(700, 4));
  CHECK_FALSE(slots.Adopt(1000, 4));
  CHECK(slots.InUse() == 1);
  CHECK(slots.End() == 701);
  CHECK(slots.Tag(700) == 4);
  CHECK(slots.Allocate(200, 5).first + 200 <= 700);
}

TEST_CASE("empty megabytes are offered once for giving back") {
  auto slots = SlotAllocator::Create(8192).value();
  for (int i = 0; i < 8; ++i) slots.Allocate(256, 1);
  for (uint32_t slot = 256; slot < 1024; ++slot) slots.Release(slot);
  CHECK(slots.EmptyGroups() == 3);
  const auto run = slots.TakeEmptyGroups(2);
  REQUIRE(run);
  CHECK(run->first == 512);
  CHECK(run->count == 512);
  CHECK(slots.EmptyGroups() == 1);
  slots.GiveBack(*run);
  CHECK(slots.EmptyGroups() == 1);
  CHECK(slots.InUse() == 5 * 256);
  CHECK(slots.TakeEmptyGroups(8)->first == 256);
  CHECK_FALSE(slots.TakeEmptyGroups(8));
}

TEST_CASE("random use agrees with a plain table") {
  auto slots = SlotAllocator::Create(3000).value();
  std::vector<bool> used(3000);
  std::vector<uint32_t> held;
  WaitingSlots waiting;
  std::mt19937 random(7);
  for (int i = 0; i < 50'000; ++i) {
    const uint32_t dice = random() % 10;
    if (dice < 4) {
      const SlotRun run = slots.Allocate(1 + random() % 40, 1);
      for (uint32_t slot = run.first; slot < run.first + run.count; ++slot) {
        if (used[slot]) FAIL("slot " << slot << " given out twice");
        used[slot] = true;
        held.push_back(slot);
      }
    } else if (dice < 9 && !held.empty()) {
      for (int n = 0; n < 15 && !held.empty(); ++n) {
        std::swap(held[random() % held.size()], held.back());
        slots.Wait(held.back(), waiting);
        held.pop_back();
      }
    } else {
      slots.ReleaseAll(waiting);
      used.assign(3000, false);
      for (const uint32_t slot : held) used[slot] = true;
      if (const auto run = slots.TakeEmptyGroups(4)) slots.GiveBack(*run);
    }
    if (slots.InUse() != held.size() + waiting.count) FAIL("lost count");
  }
}

}  // namespace
}  // namespace spawnd::storage
