/// Reads one sealed index.
///
/// Open reads header, trailer, directory and layer list; its cost does not depend on how much data the image
/// has. Leaves are read when they are needed and verified on every load from the file: a leaf's checksum
/// costs less than a microsecond, so nothing remembers which ones were good, and one that goes bad later is
/// found.
///
/// Thread-safe after Open.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "storage/geometry.h"
#include "storage/image/chunk_cache.h"
#include "storage/image/index_format.h"

namespace spawnd::storage {

class IndexReader {
 public:
  static Result<std::unique_ptr<IndexReader>> Open(FileSystem& fs, const std::string& path);

  uint64_t VolumeBytes() const { return header_.volume_bytes; }
  uint64_t ChunkCount() const { return header_.volume_bytes / kChunkSize; }
  uint64_t DataChunks() const { return trailer_.data_chunks; }
  uint64_t Salt() const { return header_.salt; }
  const std::vector<LayerReference>& Layers() const { return layers_; }

  /// As in Image.
  Result<ChunkLocation> Locate(uint64_t chunk);
  Result<uint64_t> NextData(uint64_t chunk);

 private:
  IndexReader(std::unique_ptr<File> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}
  Result<void> ReadHeaderAndTrailer();
  Result<void> ReadDirectory();
  Result<void> ReadLayers();
  Result<void> LoadLeaf(uint64_t leaf_number, std::array<std::byte, kLeafBytes>& leaf);
  template <typename Visitor>
  Result<void> WithLeaf(uint64_t leaf_number, Visitor&& visitor);

  std::unique_ptr<File> file_;
  std::string path_;
  IndexHeader header_;
  IndexTrailer trailer_;
  std::vector<LayerReference> layers_;
  /// For each leaf its position in the file (from 1), or, for a leaf of holes only, kHoleBit and the number
  /// of the next leaf that has data: skipping a terabyte of nothing is one look-up.
  std::vector<uint32_t> directory_;
  ChunkCache leaves_{kLeafBytes};
};

}  // namespace spawnd::storage
