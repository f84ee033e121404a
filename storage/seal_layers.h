/// The layer list of an image that is being sealed, and the new layer in it.
///
/// A layer gets its ordinal when the first chunk refers to it, so that layers nothing refers to any more are
/// not listed, and the new layer's file is made only when there is something to put into it.
///
/// Not thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "storage/image/image.h"
#include "storage/image/image_files.h"
#include "storage/image/index_format.h"
#include "storage/image/layer_writer.h"
#include "storage/seal_batch.h"

namespace spawnd::storage {

class SealLayers {
 public:
  /// `parent` is null or outlives this; new files are added to `cleanup` before they are made.
  SealLayers(FileSystem& fs, std::string layer_directory, std::string new_layer_id, Image* parent,
             RemoveUnlessKept& cleanup);

  /// A location in the parent's terms, in the new list's terms. Looks at the layer's file the first time.
  Result<ChunkLocation> Adopt(ChunkLocation location);
  /// Appends to the new layer.
  Result<ChunkLocation> Append(const SealBatch::Stored& stored);
  /// Makes the new layer, if there is one, complete and durable under its temporary name.
  Result<void> Finish();
  /// Gives it its final name, durably.
  Result<void> Publish();

  const std::vector<LayerReference>& References() const { return references_; }
  uint64_t NewLayerBytes() const { return new_layer_bytes_; }

 private:
  Result<void> StartNewLayer();

  FileSystem& fs_;
  const std::string directory_;
  const std::string new_layer_id_;
  Image* const parent_;
  RemoveUnlessKept& cleanup_;

  std::vector<LayerReference> references_;
  std::vector<std::optional<uint32_t>> adopted_;  ///< the parent's ordinal -> ours
  std::unique_ptr<LayerWriter> writer_;
  uint32_t new_ordinal_ = 0;  ///< counts only while there is a writer
  uint64_t new_layer_bytes_ = 0;
};

}  // namespace spawnd::storage
