/// How an index uses its layers. Safe from any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "storage/image/index_reader.h"
#include "storage/image/layer_format.h"

namespace spawnd::storage {

struct LayerUse {
  uint64_t chunks = 0;        ///< that the index takes from it
  uint64_t stored_bytes = 0;  ///< of these
  /// They stand one after the other from the start of its data, in the order of the volume.
  bool gapless = true;

  /// Every byte of the layer's data is used, exactly once.
  bool Whole(const LayerTrailer& trailer) const {
    return gapless && stored_bytes == trailer.data_bytes && chunks == trailer.chunk_count;
  }
};

struct IndexUse {
  std::vector<LayerUse> layers;  ///< by ordinal
  uint64_t leaves = 0;           ///< that have data
  uint64_t chunks = 0;
};

/// Reads all of the index's leaves. Errors as IndexReader::Locate.
Result<IndexUse> UseOf(IndexReader& index);

}  // namespace spawnd::storage
