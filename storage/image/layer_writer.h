/// Writes one layer file, front to back.
///
/// The trailer is written only after everything before it was synced, so that a file with a valid trailer is
/// complete whatever the power did. The caller gives the file its final name afterwards.
///
/// Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "storage/checksum.h"
#include "storage/image/image_files.h"
#include "storage/image/layer_format.h"

namespace spawnd::storage {

class LayerWriter {
 public:
  /// Makes the file `path`; kAlreadyExists when there is one.
  static Result<std::unique_ptr<LayerWriter>> Create(FileSystem& fs, const std::string& path,
                                                     const std::string& layer_id);
  /// The same over a file that is empty.
  static Result<std::unique_ptr<LayerWriter>> Over(std::unique_ptr<File> file, const std::string& layer_id);
  /// Appends the stored bytes of one chunk and returns their offset in the file.
  Result<uint64_t> Append(std::span<const std::byte> stored);
  /// Makes the layer complete and durable. Call once, last.
  Result<LayerTrailer> Finish();

 private:
  explicit LayerWriter(std::unique_ptr<File> file);
  void AddToSegments(std::span<const std::byte> stored);

  std::unique_ptr<File> file_;
  BatchWriter writer_;
  LayerTrailer trailer_;
  RunningChecksum segment_checksum_;
  std::vector<uint64_t> segment_checksums_;
};

}  // namespace spawnd::storage
