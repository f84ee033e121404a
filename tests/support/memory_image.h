/// An image in memory for tests of what lies above it. Thread-safe once built.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "storage/image/image.h"

namespace spawnd::testing {

class MemoryImage final : public storage::Image {
 public:
  explicit MemoryImage(uint64_t volume_bytes, std::string layer_id = "memory")
      : volume_bytes_(volume_bytes), layer_ids_{std::move(layer_id)} {}

  void Put(uint64_t chunk, std::vector<std::byte> bytes) { chunks_[chunk] = std::move(bytes); }

  uint64_t VolumeBytes() const override { return volume_bytes_; }
  const std::vector<std::string>& LayerIds() const override { return layer_ids_; }
  Result<storage::ChunkLocation> Locate(uint64_t chunk) override {
    const uint32_t stored = chunks_.contains(chunk) ? storage::kChunkSize : 0;
    return storage::ChunkLocation{.layer = 0, .offset = 0, .stored_length = stored, .checksum = 0};
  }
  Result<void> ReadChunk(uint64_t chunk, std::span<std::byte> out) override {
    const auto found = chunks_.find(chunk);
    if (found == chunks_.end()) {
      std::fill(out.begin(), out.end(), std::byte{0});
    } else {
      std::memcpy(out.data(), found->second.data(), out.size());
    }
    return {};
  }
  Result<uint64_t> NextData(uint64_t chunk) override {
    const auto found = chunks_.lower_bound(chunk);
    return found == chunks_.end() ? volume_bytes_ / storage::kChunkSize : found->first;
  }

 private:
  uint64_t volume_bytes_;
  std::vector<std::string> layer_ids_;
  std::map<uint64_t, std::vector<std::byte>> chunks_;
};

}  // namespace spawnd::testing
