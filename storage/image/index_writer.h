/// Writes one index file, front to back, chunk by chunk in ascending order. Holes are simply not added.
///
/// As in a layer, the trailer is written only after everything before it was synced. Memory: one write batch
/// and 4 bytes for each leaf of the volume, stored or not (100 KB for 64 GiB, 12.6 MB for the largest
/// volume).
///
/// Not thread-safe.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "storage/image/image_files.h"
#include "storage/image/index_format.h"

namespace spawnd::storage {

class IndexWriter {
 public:
  /// Makes the file `path`; kAlreadyExists when there is one.
  static Result<std::unique_ptr<IndexWriter>> Create(FileSystem& fs, const std::string& path,
                                                     const IndexHeader& header);
  /// The same over a file that is empty.
  static Result<std::unique_ptr<IndexWriter>> Over(std::unique_ptr<File> file, const IndexHeader& header);
  /// `chunk` is greater than any before; `location` is not a hole. Its layer ordinal counts in the list that
  /// Finish gets.
  Result<void> Add(uint64_t chunk, const ChunkLocation& location);
  /// Makes the index complete and durable. Call once, last.
  Result<void> Finish(std::span<const LayerReference> layers);
  uint64_t DataChunks() const { return trailer_.data_chunks; }

 private:
  IndexWriter(std::unique_ptr<File> file, const IndexHeader& header);
  Result<void> EndLeaf();

  std::unique_ptr<File> file_;
  BatchWriter writer_;
  IndexHeader header_;
  IndexTrailer trailer_;
  std::vector<uint32_t> directory_;
  std::array<std::byte, kLeafBytes> leaf_{};
  uint64_t leaf_number_ = 0;
  bool leaf_has_data_ = false;
};

}  // namespace spawnd::storage
