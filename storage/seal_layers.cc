#include "storage/seal_layers.h"

#include "storage/image/layer_reader.h"

namespace spawnd::storage {

SealLayers::SealLayers(FileSystem& fs, std::string layer_directory, std::string new_layer_id, Image* parent,
                       RemoveUnlessKept& cleanup)
    : fs_(fs),
      directory_(std::move(layer_directory)),
      new_layer_id_(std::move(new_layer_id)),
      parent_(parent),
      cleanup_(cleanup),
      adopted_(parent == nullptr ? 0 : parent->LayerIds().size()) {}

Result<ChunkLocation> SealLayers::Adopt(ChunkLocation location) {
  std::optional<uint32_t>& ordinal = adopted_[location.layer];
  if (!ordinal) {
    const std::string& id = parent_->LayerIds()[location.layer];
    // The trailer comes from the directory the new index will be opened with: if the layer is not there, now
    // is the time to say so.
    TRY_ASSIGN(const auto layer, LayerReader::Open(fs_, LayerPath(directory_, id)));
    ordinal = static_cast<uint32_t>(references_.size());
    references_.push_back({.id = id,
                           .file_bytes = layer->Trailer().FileBytes(),
                           .trailer_checksum = layer->Trailer().checksum});
  }
  location.layer = *ordinal;
  return location;
}

Result<void> SealLayers::StartNewLayer() {
  const std::string path = TemporaryPath(LayerPath(directory_, new_layer_id_));
  cleanup_.Add(path);
  TRY_ASSIGN(writer_, LayerWriter::Create(fs_, path, new_layer_id_));
  new_ordinal_ = static_cast<uint32_t>(references_.size());
  references_.push_back({.id = new_layer_id_, .file_bytes = 0, .trailer_checksum = 0});
  return {};
}

Result<ChunkLocation> SealLayers::Append(const SealBatch::Stored& stored) {
  if (writer_ == nullptr) TRY(StartNewLayer());
  TRY_ASSIGN(const uint64_t offset, writer_->Append(stored.bytes));
  return ChunkLocation{.layer = new_ordinal_,
                       .offset = offset,
                       .stored_length = static_cast<uint32_t>(stored.bytes.size()),
                       .checksum = stored.checksum};
}

Result<void> SealLayers::Finish() {
  if (writer_ == nullptr) return {};
  TRY_ASSIGN(const LayerTrailer trailer, writer_->Finish());
  new_layer_bytes_ = trailer.FileBytes();
  references_[new_ordinal_].file_bytes = trailer.FileBytes();
  references_[new_ordinal_].trailer_checksum = trailer.checksum;
  return {};
}

Result<void> SealLayers::Publish() {
  if (writer_ == nullptr) return {};
  const std::string path = LayerPath(directory_, new_layer_id_);
  cleanup_.Add(path);
  TRY(fs_.Rename(TemporaryPath(path), path));
  return fs_.SyncDirectory(directory_);
}

}  // namespace spawnd::storage
