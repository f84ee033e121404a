#include "storage/delta/revision_below.h"

#include <cstring>

#include "storage/delta/delta_files.h"

namespace spawnd::storage {

Result<std::unique_ptr<RevisionBelow>> RevisionBelow::Open(FileSystem& fs, const std::string& directory,
                                                           uint32_t number, const RevisionOwner& owner,
                                                           std::unique_ptr<Below> ground) {
  const std::string data_path = directory + "/" + kDataName;
  TRY_ASSIGN(auto data, fs.Open(data_path, OpenMode::kRead));
  std::unique_ptr<RevisionBelow> below(new RevisionBelow(std::move(ground), std::move(data), data_path));
  TRY_ASSIGN(below->map_, BlockMap::Create(static_cast<uint32_t>(owner.volume_bytes / kBlockSize)));
  const auto note = [&map = below->map_](const MapRun& run) -> Result<void> {
    const bool in_slots = BlockMap::IsSlot(run.value);
    for (uint32_t i = 0; i < run.count; ++i) map.Set(run.block + i, in_slots ? run.value + i : run.value);
    return {};
  };
  TRY_ASSIGN(const JournalHeader header, ReadRevision(fs, directory, number, owner, note));
  below->salt_ = header.salt;
  return below;
}

Result<void> RevisionBelow::Read(uint32_t block, std::span<std::byte> out) {
  while (!out.empty()) {
    const auto left = static_cast<uint32_t>(out.size() / kBlockSize);
    const uint32_t value = map_.Get(block);
    const bool in_slot = BlockMap::IsSlot(value);
    uint32_t run = 1;
    while (run < left && map_.Get(block + run) == (in_slot ? value + run : value)) ++run;
    const std::span<std::byte> part = out.first(size_t{run} * kBlockSize);
    if (in_slot) {
      TRY(ReadExactly(*data_, uint64_t{BlockMap::SlotOf(value)} * kBlockSize, part, data_path_));
    } else if (value == BlockMap::kZero) {
      std::memset(part.data(), 0, part.size());
    } else {
      TRY(below_->Read(block, part));
    }
    block += run;
    out = out.subspan(part.size());
  }
  return {};
}

Result<uint32_t> RevisionBelow::NextData(uint32_t block) {
  uint32_t in_below = 0;  // first block with data below at or after `block`
  for (bool looked = false; block < map_.Blocks();) {
    const uint32_t value = map_.Get(block);
    if (BlockMap::IsSlot(value)) return block;
    if (value == BlockMap::kZero) {
      ++block;
      continue;
    }
    if (!looked || in_below < block) {
      TRY_ASSIGN(in_below, below_->NextData(block));
      looked = true;
    }
    const uint32_t next_entry = map_.NextEntry(block);
    if (in_below < next_entry) return in_below;
    block = next_entry;
  }
  return map_.Blocks();
}

}  // namespace spawnd::storage
