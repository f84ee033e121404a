#include "storage/image/image.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "storage/image/chunk_cache.h"
#include "storage/image/chunk_codec.h"
#include "storage/image/image_files.h"
#include "storage/image/index_reader.h"
#include "storage/image/layer_reader.h"

namespace spawnd::storage {
namespace {

class SealedImage final : public Image {
 public:
  explicit SealedImage(std::unique_ptr<IndexReader> index) : index_(std::move(index)) {}

  Result<void> OpenLayers(FileSystem& fs, const std::string& layer_directory);

  uint64_t VolumeBytes() const override { return index_->VolumeBytes(); }
  const std::vector<std::string>& LayerIds() const override { return layer_ids_; }
  Result<ChunkLocation> Locate(uint64_t chunk) override { return index_->Locate(chunk); }
  Result<uint64_t> NextData(uint64_t chunk) override { return index_->NextData(chunk); }
  Result<void> ReadChunk(uint64_t chunk, std::span<std::byte> out) override;

 private:
  const std::unique_ptr<IndexReader> index_;
  std::vector<std::unique_ptr<LayerReader>> layers_;
  std::vector<std::string> layer_ids_;
  ChunkCache chunks_{kChunkSize};  ///< only of chunks that had to be decompressed
};

Result<void> SealedImage::OpenLayers(FileSystem& fs, const std::string& layer_directory) {
  for (const LayerReference& reference : index_->Layers()) {
    const std::string path = LayerPath(layer_directory, reference.id);
    auto layer = LayerReader::Open(fs, path);
    if (!layer && layer.error().code == ErrorCode::kNotFound) {
      // To the caller the image is there, but damaged; kNotFound would say that the image is not.
      return Fail(ErrorCode::kCorrupt, fmt::format("layer '{}' is missing: {}", path, layer.error().message));
    }
    if (!layer) return Fail(std::move(layer.error()));
    const LayerTrailer& trailer = (*layer)->Trailer();
    if (trailer.FileBytes() != reference.file_bytes || trailer.checksum != reference.trailer_checksum) {
      return Fail(ErrorCode::kCorrupt,
                  fmt::format("'{}' is not the layer that the index was made with", path));
    }
    layers_.push_back(std::move(*layer));
    layer_ids_.push_back(reference.id);
  }
  return {};
}

Result<void> SealedImage::ReadChunk(uint64_t chunk, std::span<std::byte> out) {
  if (out.size() != kChunkSize) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("a chunk is read whole, not {} bytes of it", out.size()));
  }
  const auto copy = [&](std::span<const std::byte> cached) { std::ranges::copy(cached, out.begin()); };
  if (chunks_.Visit(chunk, copy)) return {};
  TRY_ASSIGN(const ChunkLocation location, index_->Locate(chunk));
  if (location.IsHole()) {
    std::ranges::fill(out, std::byte{0});
    return {};
  }
  LayerReader& layer = *layers_[location.layer];
  if (location.stored_length == kChunkSize) return layer.ReadStored(location, out);
  std::array<std::byte, kChunkSize> buffer;
  const std::span<std::byte> stored = std::span(buffer).first(location.stored_length);
  TRY(layer.ReadStored(location, stored));
  TRY(DecompressChunk(stored, out));
  chunks_.Insert(chunk, out);
  return {};
}

}  // namespace

Result<std::unique_ptr<Image>> Image::Open(FileSystem& fs, const std::string& index_path,
                                           const std::string& layer_directory) {
  TRY_ASSIGN(auto index, IndexReader::Open(fs, index_path));
  auto image = std::make_unique<SealedImage>(std::move(index));
  TRY(image->OpenLayers(fs, layer_directory));
  return image;
}

}  // namespace spawnd::storage
