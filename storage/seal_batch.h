/// A few megabytes of changed chunks on their way into a layer: read one after the other, compressed by two
/// threads at once, then taken out in order.
///
/// Compression is nine tenths of what sealing costs, so one helping thread nearly halves it; more would take
/// cores from the databases that run beside it. Memory is fixed: kChunks * (kChunkSize +
/// kMaxCompressedBytes).
///
/// Not thread-safe; the second thread lives only inside Compress.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "storage/geometry.h"
#include "storage/image/chunk_codec.h"

namespace spawnd::storage {

class SealBatch {
 public:
  static constexpr size_t kChunks = 256;  ///< 4 MiB of logical data

  struct Stored {
    std::span<const std::byte> bytes;  ///< empty: a hole
    uint64_t checksum = 0;             ///< of the bytes; 0 for a hole
  };

  SealBatch();
  bool Full() const { return count_ == kChunks; }
  size_t Count() const { return count_; }
  /// Where the next chunk's kChunkSize bytes go. Not when Full.
  std::span<std::byte> Add();
  /// What is to be stored for each chunk, in the order of Add. Valid until Clear.
  const std::vector<Stored>& Compress();
  void Clear();

 private:
  void CompressRange(size_t begin, size_t end);

  std::unique_ptr<std::byte[]> chunks_;
  std::unique_ptr<std::byte[]> compressed_;
  std::vector<Stored> stored_;
  size_t count_ = 0;
};

}  // namespace spawnd::storage
