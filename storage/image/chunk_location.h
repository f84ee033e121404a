/// Where an image keeps one chunk. A value: what the index's format, its reader and writer, the layers and
/// the image itself tell each other. docs/store-format.md, section "Index", has how it is stored.
#pragma once

#include <cstdint>

namespace spawnd::storage {

/// Where one chunk's bytes are. A hole (stored_length 0) reads as zeros and costs nothing.
struct ChunkLocation {
  uint32_t layer = 0;          ///< ordinal in the index's layer list
  uint64_t offset = 0;         ///< of the stored bytes in the layer file
  uint32_t stored_length = 0;  ///< 0: hole; kChunkSize: stored raw; else lz4
  uint64_t checksum = 0;       ///< xxh3-64 of the stored bytes

  bool IsHole() const { return stored_length == 0; }
};

}  // namespace spawnd::storage
