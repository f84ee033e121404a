/// Turns the present state of a volume into an image: one new layer with the chunks the delta changed, and a
/// flat index that takes the location of every other chunk from the volume's own image.
///
/// The caller has stopped writing to the volume. Streams: memory stays below 64 MiB whatever the size. Both
/// files appear under their final names only when complete and durable (write temp, sync, trailer, sync,
/// rename, sync the folder; invariant 7). Until then they are "<name>.tmp" and count for nothing. An error
/// removes them where it can; what it or a crash leaves goes at the next Seal to that name, or the daemon's
/// next start.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/file.h"

namespace spawnd::storage {

class Volume;

struct SealRequest {
  std::string layer_directory;
  std::string layer_id;    ///< 32 hex digits; the layer becomes "<layer_directory>/<layer_id>.layer"
  std::string index_path;  ///< ends in ".index"
};

struct SealProgress {
  uint64_t bytes_done = 0;   ///< of changed data looked at
  uint64_t bytes_total = 0;  ///< upper bound known at the start
};

struct SealResult {
  std::vector<std::string>
      layer_ids;            ///< all that the index refers to; the new layer is absent when nothing changed
  uint64_t data_bytes = 0;  ///< logical bytes that are not holes, of the whole image
  uint64_t new_layer_bytes = 0;  ///< size of the new layer file, 0 when there is none
};

/// `progress` is called at most every few megabytes; returning false cancels (kCancelled, temp files
/// removed).
Result<SealResult> Seal(FileSystem& fs, Volume& volume, const SealRequest& request,
                        const std::function<bool(const SealProgress&)>& progress);

}  // namespace spawnd::storage
