/// Blocks whose every sector says which block it is and which write it comes from. Pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "storage/geometry.h"

namespace spawnd::testing {

inline constexpr size_t kSectorBytes = 512;
inline constexpr size_t kSectorsPerBlock = storage::kBlockSize / kSectorBytes;
inline constexpr uint64_t kZeroStamp = 0;              ///< a block of zeros
inline constexpr uint64_t kForeignStamp = UINT64_MAX;  ///< bytes that nobody wrote to this sector

inline uint64_t SectorWord(uint64_t block, uint64_t stamp, size_t sector) {
  return (stamp + 1) * 0x9E3779B97F4A7C15U ^ (block * kSectorsPerBlock + sector) * 0xC2B2AE3D27D4EB4FU;
}

/// Fills one block. Stamps are below 2^40.
inline void StampBlock(std::span<std::byte> out, uint64_t block, uint64_t stamp) {
  for (size_t sector = 0; sector < kSectorsPerBlock; ++sector) {
    std::array<uint64_t, kSectorBytes / 8> words;
    words.fill(stamp == kZeroStamp ? 0 : SectorWord(block, stamp, sector));
    words[0] = stamp;
    std::memcpy(out.data() + sector * kSectorBytes, words.data(), kSectorBytes);
  }
}

/// The stamp of each sector of a block that was read; kForeignStamp where the bytes are of another block, of
/// two writes, or of none.
inline std::array<uint64_t, kSectorsPerBlock> ReadStamps(std::span<const std::byte> in, uint64_t block) {
  std::array<uint64_t, kSectorsPerBlock> stamps;
  for (size_t sector = 0; sector < kSectorsPerBlock; ++sector) {
    const std::byte* const bytes = in.data() + sector * kSectorBytes;
    std::array<uint64_t, 2> words;
    std::memcpy(words.data(), bytes, sizeof(words));
    const uint64_t expected = words[0] == kZeroStamp ? 0 : SectorWord(block, words[0], sector);
    // Each word like the one before it: crash tests read millions of sectors, under sanitizers too.
    const bool uniform = std::memcmp(bytes + 8, bytes + 16, kSectorBytes - 16) == 0;
    stamps[sector] = words[1] == expected && uniform ? words[0] : kForeignStamp;
  }
  return stamps;
}

}  // namespace spawnd::testing
