/// Reads stored chunks out of one sealed layer.
///
/// Thread-safe after Open. The file never changes (invariant 6); bytes that do not match their checksum are
/// never handed out.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/file.h"
#include "storage/image/chunk_location.h"
#include "storage/image/layer_format.h"

namespace spawnd::storage {

class LayerReader {
 public:
  /// Reads the trailer only. That is enough: an index names a layer together with the trailer's checksum,
  /// which vouches for the rest, and each chunk is verified when it is read. A cold image with many layers
  /// opens with one read for each. VerifyLayer checks the other parts.
  static Result<std::unique_ptr<LayerReader>> Open(FileSystem& fs, const std::string& path);

  const LayerTrailer& Trailer() const { return trailer_; }
  const std::string& Path() const { return path_; }

  /// Reads the location's stored bytes into `out` (as many as its stored length) and verifies them.
  /// kCorrupt, naming the file and the bytes, when they are not what was sealed.
  Result<void> ReadStored(const ChunkLocation& location, std::span<std::byte> out);
  /// Reads anything, without a check; a short read is kCorrupt.
  Result<void> ReadRaw(uint64_t offset, std::span<std::byte> out);

 private:
  LayerReader(std::unique_ptr<File> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}

  std::unique_ptr<File> file_;
  std::string path_;
  LayerTrailer trailer_;
};

}  // namespace spawnd::storage
