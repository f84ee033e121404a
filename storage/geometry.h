/// The units of the store. Every offset and length that crosses a public function of storage/ is a multiple
/// of kBlockSize unless its comment says otherwise. docs/store-format.md has the byte layouts.
#pragma once

#include <cstddef>
#include <cstdint>

namespace spawnd::storage {

inline constexpr uint32_t kBlockSize = 4096;   ///< unit of a volume and of a delta slot
inline constexpr uint32_t kChunkSize = 16384;  ///< unit of an image: compressed and addressed as one
inline constexpr uint32_t kBlocksPerChunk = kChunkSize / kBlockSize;
/// Upper bound of a volume, so that block numbers fit 32 bits with room to spare: 8 TiB.
inline constexpr uint64_t kMaxVolumeBytes = uint64_t{1} << 43;

}  // namespace spawnd::storage
