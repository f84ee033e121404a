/// What the two kinds of sealed file, layer and index, have in common: their names, their header block, how
/// they are written in batches, and what happens to the ones that were never finished.
///
/// A sealed file has its final name only once it is complete and durable. Until then it is "<name>.tmp",
/// which a crash may leave behind. It counts for nothing: the next Seal to that name removes it, and so does
/// whoever looks after the folder (daemon/reconcile.cc, fsck). docs/store-format.md has every byte.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace spawnd::storage {

inline constexpr size_t kHeaderBytes = 4096;          ///< of a layer and of an index
inline constexpr uint32_t kSealedFormatVersion = 1;   ///< of both
inline constexpr size_t kLayerIdLength = 32;          ///< lower-case hex digits
inline constexpr size_t kWriteBatchBytes = 1U << 20;  ///< sealed files are written in pieces of this size

inline constexpr std::string_view kLayerSuffix = ".layer";
inline constexpr std::string_view kIndexSuffix = ".index";
/// "<directory>/<layer_id>.layer"
std::string LayerPath(std::string_view directory, std::string_view layer_id);
/// The name a sealed file has until it is complete: "<path>.tmp".
std::string TemporaryPath(std::string_view path);
/// Whether it is kLayerIdLength lower-case hex digits.
bool IsLayerId(std::string_view text);

/// Fills in the fields that every header block starts with, and zeros the rest. `block` has kHeaderBytes.
void BeginHeader(std::span<std::byte> block, std::string_view magic);
/// Puts the block's checksum at its end; call it after the last field was set.
void FinishHeader(std::span<std::byte> block);
/// Checks magic, checksum, version, chunk size and feature bits; `path` is for messages. kCorrupt, or
/// kUnsupported for a valid header that asks for more than this version knows.
Result<void> CheckHeader(std::span<const std::byte> block, std::string_view magic, const std::string& path);
uint64_t HeaderChecksum(std::span<const std::byte> block);

/// Appends to a file in batches of kWriteBatchBytes. Nothing is written before a batch is full or Flush is
/// called; nothing is durable before the file's Sync. Not thread-safe.
class BatchWriter {
 public:
  /// Writes from byte 0 of `file`, which outlives the writer.
  explicit BatchWriter(File& file);
  Result<void> Append(std::span<const std::byte> bytes);
  Result<void> Flush();
  uint64_t Position() const { return written_ + buffered_; }  ///< where the next byte goes

 private:
  File& file_;
  std::unique_ptr<std::byte[]> buffer_;
  size_t buffered_ = 0;
  uint64_t written_ = 0;
};

/// Removes files again unless told to keep them: what a failed Seal leaves behind is nothing.
class RemoveUnlessKept {
 public:
  explicit RemoveUnlessKept(FileSystem& fs) : fs_(fs) {}
  RemoveUnlessKept(const RemoveUnlessKept&) = delete;
  RemoveUnlessKept& operator=(const RemoveUnlessKept&) = delete;
  ~RemoveUnlessKept();
  void Add(std::string path) { paths_.push_back(std::move(path)); }
  void Keep() { paths_.clear(); }

 private:
  FileSystem& fs_;
  std::vector<std::string> paths_;
};

}  // namespace spawnd::storage
