/// A backup as it was before it was packed: the only way in which the bytes of one are read, here and by the
/// daemon. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engines/unpack/layer.h"
#include "engines/unpack/packing.h"

namespace spawnd::engines {

class UnpackedFile {
 public:
  /// `fd` is read at offsets of our own and outlives it. `name`: of the backup, for messages. `limit` is of
  /// each layer.
  UnpackedFile(int fd, std::string name, const Packing& packing, const UnpackLimit& limit = {});
  ~UnpackedFile();
  UnpackedFile(const UnpackedFile&) = delete;
  UnpackedFile& operator=(const UnpackedFile&) = delete;

  /// The next `size` bytes, fewer at the end, none behind it. kIo; what Layer::Read says.
  Result<std::string> Read(size_t size);
  /// So much of the file has been read.
  uint64_t PackedBytes() const;

 private:
  class File;

  Result<void> MakeLayers();

  const std::string name_;
  const Packing packing_;
  const UnpackLimit limit_;
  std::unique_ptr<File> file_;
  std::vector<std::unique_ptr<Layer>> layers_;  ///< outermost first; made at the first read
};

}  // namespace spawnd::engines
