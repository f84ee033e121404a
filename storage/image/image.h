/// Read side of a sealed image: its flat index and the layers the index refers to.
///
/// Opening costs the same whatever the size of the data: the header, the layer list and the directory are
/// read and verified, index leaves are verified on first use. Every chunk's checksum is verified on every
/// read from a layer; bytes that do not match are never served (kCorrupt, naming layer and offset).
///
/// Thread-safe after Open. Files are opened read-only and never change (invariant 6).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "storage/geometry.h"

namespace spawnd::storage {

/// Where one chunk's bytes are. A hole (stored_length 0) reads as zeros and costs nothing.
struct ChunkLocation {
  uint32_t layer = 0;          ///< ordinal in the index's layer list
  uint64_t offset = 0;         ///< of the stored bytes in the layer file
  uint32_t stored_length = 0;  ///< 0: hole; kChunkSize: stored raw; else lz4
  uint64_t checksum = 0;       ///< xxh3-64 of the stored bytes

  bool IsHole() const { return stored_length == 0; }
};

class Image {
 public:
  /// Opens the index at `index_path` and its layers in `layer_directory`.
  /// Errors: kNotFound, kCorrupt (wrong magic, checksum, no trailer, a layer missing or too short), kIo,
  /// kUnsupported (an incompatible feature bit of a newer version).
  static Result<std::unique_ptr<Image>> Open(FileSystem& fs, const std::string& index_path,
                                             const std::string& layer_directory);
  virtual ~Image() = default;

  virtual uint64_t VolumeBytes() const = 0;
  /// Ids of the layers this index refers to, in ordinal order.
  virtual const std::vector<std::string>& LayerIds() const = 0;
  virtual Result<ChunkLocation> Locate(uint64_t chunk) = 0;
  /// Decompresses chunk number `chunk` into `out` (exactly kChunkSize bytes).
  virtual Result<void> ReadChunk(uint64_t chunk, std::span<std::byte> out) = 0;
  /// First chunk >= `chunk` that is not a hole; VolumeBytes()/kChunkSize when there is none. Skips whole
  /// empty leaves, so that walking a sparse 64 GiB volume costs its data, not its size.
  virtual Result<uint64_t> NextData(uint64_t chunk) = 0;
};

}  // namespace spawnd::storage
