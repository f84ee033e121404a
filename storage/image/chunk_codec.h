/// How one chunk of kChunkSize bytes is stored in a layer: not at all (all zeros), as one lz4 block, or raw.
///
/// The stored length alone says which: 0, less than kChunkSize, or kChunkSize. Pure functions; safe from any
/// thread. lz4 block format: https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "storage/geometry.h"

namespace spawnd::storage {

/// The longest lz4 block that is kept. A chunk that would not save an eighth is stored raw: reading it back
/// then costs no decompression, for at most an eighth more space.
inline constexpr uint32_t kMaxCompressedBytes = kChunkSize - kChunkSize / 8;

bool IsAllZero(std::span<const std::byte> bytes);

/// Compresses `chunk` (kChunkSize bytes) into `out` (at least kMaxCompressedBytes). Returns the length of the
/// lz4 block, or 0 when the chunk is to be stored raw; `out` is then undefined.
uint32_t CompressChunk(std::span<const std::byte> chunk, std::span<std::byte> out);

/// The reverse for an lz4 block; `out` has kChunkSize bytes. kCorrupt when the block is not one that yields
/// exactly a chunk. The caller has verified the checksum, so that only a bug of ours gets that far.
Result<void> DecompressChunk(std::span<const std::byte> stored, std::span<std::byte> out);

}  // namespace spawnd::storage
