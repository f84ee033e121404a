/// Whether what an import has received is an image that this daemon could have exported: every byte of it,
/// and nothing that a file's author could gain by writing another one.
///
/// Safe from any thread; changes nothing. Takes as long as reading the image twice and decompressing it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/file.h"
#include "storage/transfer/export_format.h"

namespace spawnd::storage {

struct ImportedImage {
  uint64_t volume_bytes = 0;
  uint64_t data_bytes = 0;  ///< logical bytes that are not holes
};

/// `progress` is called every few megabytes with what was read so far; returning false ends it (kCancelled).
///
/// Each layer's data has to be used by the index whole, once, and in order. So there is no index that makes
/// terabytes out of one chunk, no place outside of a layer, and no bytes that are nobody's.
Result<ImportedImage> CheckImport(FileSystem& fs, const std::string& folder, const ExportHead& head,
                                  const std::function<bool(uint64_t bytes_done)>& progress);

/// Whether two files have the same bytes. A missing one is an error.
Result<bool> SameBytes(FileSystem& fs, const std::string& one, const std::string& other);

}  // namespace spawnd::storage
