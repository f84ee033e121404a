/// Which slot holds each block of a volume: one 32-bit value a block, flat, in memory.
///
/// A count of entries for every 512 blocks lets a walk over a huge empty range skip 2 MiB of volume a step.
/// Not thread-safe: its Delta holds the lock. Nothing here survives a crash; MapJournal is the durable form.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "storage/delta/lazy_array.h"

namespace spawnd::storage {

class BlockMap {
 public:
  static constexpr uint32_t kAbsent = 0;             ///< the image below decides
  static constexpr uint32_t kZero = UINT32_MAX;      ///< reads as zeros whatever the image holds
  static constexpr uint32_t kMaxSlot = kZero - 2;    ///< values in between are a slot number plus one
  static constexpr uint32_t kBlocksPerRegion = 512;  ///< 2 MiB of volume share one counter

  static bool IsSlot(uint32_t value) { return value != kAbsent && value != kZero; }
  static uint32_t SlotOf(uint32_t value) { return value - 1; }
  static uint32_t ValueOf(uint32_t slot) { return slot + 1; }

  static Result<BlockMap> Create(uint32_t blocks);

  uint32_t Blocks() const { return blocks_; }
  uint32_t Get(uint32_t block) const { return values_[block]; }
  void Set(uint32_t block, uint32_t value);
  /// First block >= `block` that is not kAbsent; Blocks() when there is none.
  uint32_t NextEntry(uint32_t block) const;

 private:
  uint32_t blocks_ = 0;
  LazyArray<uint32_t> values_;
  LazyArray<uint16_t> region_entries_;
};

}  // namespace spawnd::storage
