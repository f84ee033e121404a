#include "storage/delta/block_map.h"

#include <algorithm>

namespace spawnd::storage {

Result<BlockMap> BlockMap::Create(uint32_t blocks) {
  BlockMap map;
  map.blocks_ = blocks;
  TRY_ASSIGN(map.values_, LazyArray<uint32_t>::Create(blocks));
  TRY_ASSIGN(map.region_entries_, LazyArray<uint16_t>::Create(blocks / kBlocksPerRegion + 1));
  return map;
}

void BlockMap::Set(uint32_t block, uint32_t value) {
  uint32_t& entry = values_[block];
  if (entry == value) return;  // keeps an untouched page untouched
  uint16_t& entries = region_entries_[block / kBlocksPerRegion];
  if (entry == kAbsent) ++entries;
  if (value == kAbsent) --entries;
  entry = value;
}

uint32_t BlockMap::NextEntry(uint32_t block) const {
  while (block < blocks_) {
    const uint32_t region = block / kBlocksPerRegion;
    const uint64_t region_end = uint64_t{region + 1} * kBlocksPerRegion;
    const auto end = static_cast<uint32_t>(std::min<uint64_t>(region_end, blocks_));
    if (region_entries_[region] != 0) {
      for (; block < end; ++block) {
        if (values_[block] != kAbsent) return block;
      }
    }
    block = end;
  }
  return blocks_;
}

}  // namespace spawnd::storage
