#include "storage/image/layer_reader.h"

#include <fmt/core.h>

#include <array>

#include "storage/checksum.h"

namespace spawnd::storage {

Result<std::unique_ptr<LayerReader>> LayerReader::Open(FileSystem& fs, const std::string& path) {
  TRY_ASSIGN(auto file, fs.Open(path, OpenMode::kRead));
  std::unique_ptr<LayerReader> layer(new LayerReader(std::move(file), path));
  TRY_ASSIGN(const uint64_t file_bytes, layer->file_->Size());
  if (file_bytes < kHeaderBytes + kLayerTrailerBytes) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("'{}' is no layer: only {} bytes long, the file is cut", path, file_bytes));
  }
  std::array<std::byte, kLayerTrailerBytes> bytes;
  TRY(layer->ReadRaw(file_bytes - kLayerTrailerBytes, bytes));
  TRY_ASSIGN(layer->trailer_, DecodeLayerTrailer(bytes, file_bytes, path));
  return layer;
}

Result<void> LayerReader::ReadRaw(uint64_t offset, std::span<std::byte> out) {
  return ReadExactly(*file_, offset, out, path_);
}

Result<void> LayerReader::ReadStored(const ChunkLocation& location, std::span<std::byte> out) {
  const auto damaged = [&](std::string_view cause) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("layer '{}' is damaged at bytes {} to {}: {}", path_, location.offset,
                            location.offset + location.stored_length, cause));
  };
  if (location.offset < kHeaderBytes || location.offset > trailer_.TableOffset() ||
      location.stored_length > trailer_.TableOffset() - location.offset) {
    return damaged("the index points outside the layer's data");
  }
  TRY(ReadRaw(location.offset, out));
  if (Checksum(out) != location.checksum) return damaged("checksum mismatch");
  return {};
}

}  // namespace spawnd::storage
