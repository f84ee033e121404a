#include "storage/transfer/layer_use.h"

#include <limits>

namespace spawnd::storage {

Result<IndexUse> UseOf(IndexReader& index) {
  IndexUse use;
  use.layers.resize(index.Layers().size());
  uint64_t last_leaf = std::numeric_limits<uint64_t>::max();
  for (uint64_t chunk = 0;; ++chunk) {
    TRY_ASSIGN(chunk, index.NextData(chunk));
    if (chunk >= index.ChunkCount()) return use;
    TRY_ASSIGN(const ChunkLocation location, index.Locate(chunk));
    if (location.IsHole()) continue;
    LayerUse& layer = use.layers[location.layer];
    if (location.offset != kHeaderBytes + layer.stored_bytes) layer.gapless = false;
    layer.stored_bytes += location.stored_length;
    ++layer.chunks;
    ++use.chunks;
    const uint64_t leaf = chunk / kEntriesPerLeaf;
    if (leaf != last_leaf) ++use.leaves;
    last_leaf = leaf;
  }
}

}  // namespace spawnd::storage
