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
#include "storage/image/chunk_location.h"

namespace spawnd::storage {

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
