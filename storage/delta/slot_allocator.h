/// Which slots of the file "data" are in use, and in which epoch each was given out.
///
/// A slot is free, in use, or waiting: superseded, but not to be reused before the commit of an epoch is
/// durable (invariant 2). Waiting slots form linked lists through the table of tags (a waiting slot needs no
/// tag), so superseding allocates nothing.
///
/// Not thread-safe: its Delta holds the lock. Memory only; recovery builds it anew from the map.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "storage/delta/epoch_gate.h"
#include "storage/delta/lazy_array.h"

namespace spawnd::storage {

struct SlotRun {
  uint32_t first = 0;
  uint32_t count = 0;
};

/// Slots that wait for the commit of one epoch.
struct WaitingSlots {
  uint32_t head = 0;
  uint32_t tail = 0;
  uint32_t count = 0;
};

class SlotAllocator {
 public:
  static constexpr uint32_t kSlotsPerGroup = 256;  ///< 1 MiB, the unit of search and of hole punching

  static Result<SlotAllocator> Create(uint32_t max_slots);

  /// Makes room for more slots, up to `max_slots`. Nobody else uses this object meanwhile.
  Result<void> Reserve(uint32_t max_slots);

  /// Takes up to `wanted` (1 to kSlotsPerGroup) contiguous slots and tags them. Reuses free ones where they
  /// make a decent run, else grows the file. Count 0: all max_slots are in use. Bounded work.
  SlotRun Allocate(uint32_t wanted, Epoch tag);
  /// The same, of slots that the file has no room for yet.
  SlotRun AllocateNew(uint32_t wanted, Epoch tag);
  /// Makes a slot that nothing refers to free at once.
  void Release(uint32_t slot);
  /// Takes slots that the file has no room for yet, up to `wanted`, so that they can be written without the
  /// lock; each is then free with Release. The next search begins there.
  SlotRun TakeNew(uint32_t wanted);
  /// Puts a superseded slot on a waiting list.
  void Wait(uint32_t slot, WaitingSlots& list);
  /// Frees all of a list and leaves it empty.
  void ReleaseAll(WaitingSlots& list);
  /// Appends `from` to `to` and leaves `from` empty.
  void Merge(WaitingSlots& from, WaitingSlots& to);

  /// Recovery: marks a slot as in use. False when it already is, or when it is beyond max_slots.
  bool Adopt(uint32_t slot, Epoch tag);

  Epoch Tag(uint32_t slot) const { return tags_[slot]; }
  /// Recovery: notes the tag of a slot that may be adopted later.
  void SetTag(uint32_t slot, Epoch tag) { tags_[slot] = tag; }
  uint32_t MaxSlots() const { return static_cast<uint32_t>(tags_.size()); }
  uint32_t InUse() const { return end_ - free_; }  ///< waiting ones included
  uint32_t Free() const { return free_; }
  uint32_t End() const { return end_; }  ///< slots the file has room for

  /// Groups that are wholly free and still take disk space.
  uint32_t EmptyGroups() const { return empty_groups_; }
  /// Takes a run of such groups (at most `max_groups`) out of circulation, as slots in use, so that their
  /// space can be given back without the lock; then GiveBack makes them free again.
  std::optional<SlotRun> TakeEmptyGroups(uint32_t max_groups);
  void GiveBack(SlotRun groups);

 private:
  struct Group {
    uint16_t free;
    bool punched;  ///< wholly free, and its space is given back already
  };

  bool Used(uint32_t slot) const { return (used_[slot / 64] >> (slot % 64) & 1) != 0; }
  void MarkUsed(uint32_t slot);
  void MarkFree(uint32_t slot);
  SlotRun FindFree(uint32_t wanted);
  SlotRun LongestFreeRun(uint32_t group, uint32_t wanted) const;
  SlotRun Grow(uint32_t wanted);

  LazyArray<uint32_t> tags_;
  LazyArray<uint64_t> used_;
  LazyArray<Group> groups_;
  uint32_t end_ = 0;
  uint32_t free_ = 0;
  uint32_t cursor_ = 0;  ///< group where the next search starts
  uint32_t empty_groups_ = 0;
};

}  // namespace spawnd::storage
