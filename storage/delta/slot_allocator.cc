#include "storage/delta/slot_allocator.h"

#include <algorithm>

namespace spawnd::storage {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
// Bounds of one search: counters looked at, and groups searched for a longer run than the best so far.
constexpr uint32_t kGroupsLookedAt = 4096;
constexpr uint32_t kGroupsSearched = 16;

}  // namespace

Result<SlotAllocator> SlotAllocator::Create(uint32_t max_slots) {
  SlotAllocator slots;
  TRY_ASSIGN(slots.tags_, LazyArray<uint32_t>::Create(max_slots));
  TRY_ASSIGN(slots.used_, LazyArray<uint64_t>::Create(max_slots / 64 + 1));
  TRY_ASSIGN(slots.groups_, LazyArray<Group>::Create(max_slots / kSlotsPerGroup + 1));
  return slots;
}

Result<void> SlotAllocator::Reserve(uint32_t max_slots) {
  // The table of tags says how many slots there are, so it is last.
  TRY(used_.Grow(max_slots / 64 + 1));
  TRY(groups_.Grow(max_slots / kSlotsPerGroup + 1));
  return tags_.Grow(max_slots);
}

void SlotAllocator::MarkUsed(uint32_t slot) {
  Group& group = groups_[slot / kSlotsPerGroup];
  if (group.free == kSlotsPerGroup && !group.punched) --empty_groups_;
  group.punched = false;
  --group.free;
  --free_;
  used_[slot / 64] |= uint64_t{1} << (slot % 64);
}

void SlotAllocator::MarkFree(uint32_t slot) {
  Group& group = groups_[slot / kSlotsPerGroup];
  ++group.free;
  ++free_;
  used_[slot / 64] &= ~(uint64_t{1} << (slot % 64));
  if (group.free == kSlotsPerGroup) ++empty_groups_;
}

SlotRun SlotAllocator::Grow(uint32_t wanted) {
  const SlotRun run{end_, std::min(wanted, MaxSlots() - end_)};
  // New slots enter as free ones, so that there is one way into use.
  end_ += run.count;
  for (uint32_t slot = run.first; slot < end_; ++slot) MarkFree(slot);
  return run;
}

SlotRun SlotAllocator::LongestFreeRun(uint32_t group, uint32_t wanted) const {
  const uint32_t begin = group * kSlotsPerGroup;
  const uint32_t end = std::min(begin + kSlotsPerGroup, end_);
  SlotRun best;
  SlotRun run{begin, 0};
  for (uint32_t slot = begin; slot < end; ++slot) {
    if (Used(slot)) {
      run = {slot + 1, 0};
      continue;
    }
    ++run.count;
    if (run.count > best.count) best = run;
    if (best.count == wanted) break;
  }
  return best;
}

SlotRun SlotAllocator::FindFree(uint32_t wanted) {
  if (free_ == 0) return {};
  const uint32_t groups = (end_ + kSlotsPerGroup - 1) / kSlotsPerGroup;
  SlotRun best;
  uint32_t searched = 0;
  for (uint32_t looked = 0; looked < std::min(groups, kGroupsLookedAt); ++looked, ++cursor_) {
    if (cursor_ >= groups) cursor_ = 0;
    if (groups_[cursor_].free <= best.count) continue;
    const SlotRun run = LongestFreeRun(cursor_, wanted);
    if (run.count > best.count) best = run;
    if (best.count == wanted || ++searched == kGroupsSearched) break;
  }
  return best;
}

SlotRun SlotAllocator::Allocate(uint32_t wanted, Epoch tag) {
  SlotRun run = FindFree(wanted);
  // A large write in scattered single slots would make every later read of it random. So short pieces serve
  // only while at least a quarter of the file is free, or when the file cannot grow.
  const bool scattered = run.count * 4 < wanted && free_ < end_ / 4;
  if ((run.count == 0 || scattered) && end_ < MaxSlots()) run = Grow(wanted);
  for (uint32_t slot = run.first; slot < run.first + run.count; ++slot) {
    MarkUsed(slot);
    tags_[slot] = tag;
  }
  return run;
}

SlotRun SlotAllocator::AllocateNew(uint32_t wanted, Epoch tag) {
  const SlotRun run = Grow(wanted);
  for (uint32_t slot = run.first; slot < run.first + run.count; ++slot) {
    MarkUsed(slot);
    tags_[slot] = tag;
  }
  return run;
}

SlotRun SlotAllocator::TakeNew(uint32_t wanted) {
  const SlotRun run = Grow(wanted);
  for (uint32_t slot = run.first; slot < run.first + run.count; ++slot) MarkUsed(slot);
  cursor_ = run.first / kSlotsPerGroup;
  return run;
}

void SlotAllocator::Release(uint32_t slot) {
  MarkFree(slot);
}

void SlotAllocator::Wait(uint32_t slot, WaitingSlots& list) {
  tags_[slot] = kNone;
  if (list.count == 0) {
    list.head = slot;
  } else {
    tags_[list.tail] = slot;
  }
  list.tail = slot;
  ++list.count;
}

void SlotAllocator::ReleaseAll(WaitingSlots& list) {
  uint32_t slot = list.head;
  for (uint32_t i = 0; i < list.count; ++i) {
    const uint32_t next = tags_[slot];
    MarkFree(slot);
    slot = next;
  }
  list = {};
}

void SlotAllocator::Merge(WaitingSlots& from, WaitingSlots& to) {
  if (from.count == 0) return;
  if (to.count == 0) {
    to = from;
  } else {
    tags_[to.tail] = from.head;
    to.tail = from.tail;
    to.count += from.count;
  }
  from = {};
}

bool SlotAllocator::Adopt(uint32_t slot, Epoch tag) {
  if (slot >= MaxSlots()) return false;
  while (end_ <= slot) Grow(slot + 1 - end_);
  if (Used(slot)) return false;
  MarkUsed(slot);
  tags_[slot] = tag;
  return true;
}

std::optional<SlotRun> SlotAllocator::TakeEmptyGroups(uint32_t max_groups) {
  const auto takeable = [this](uint32_t group) {
    return groups_[group].free == kSlotsPerGroup && !groups_[group].punched;
  };
  const uint32_t groups = end_ / kSlotsPerGroup;
  // From the end: the allocator fills the file from the front, so what lies behind stays empty longest.
  for (uint32_t last = groups; last > 0; --last) {
    if (!takeable(last - 1)) continue;
    uint32_t first = last - 1;
    while (first > 0 && last - first < max_groups && takeable(first - 1)) --first;
    const SlotRun run{first * kSlotsPerGroup, (last - first) * kSlotsPerGroup};
    for (uint32_t slot = run.first; slot < run.first + run.count; ++slot) MarkUsed(slot);
    return run;
  }
  return std::nullopt;
}

void SlotAllocator::GiveBack(SlotRun groups) {
  for (uint32_t slot = groups.first; slot < groups.first + groups.count; ++slot) {
    MarkFree(slot);
    Group& group = groups_[slot / kSlotsPerGroup];
    if (group.free != kSlotsPerGroup) continue;
    group.punched = true;
    --empty_groups_;
  }
}

}  // namespace spawnd::storage
