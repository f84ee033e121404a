#include "storage/image/layer_format.h"

#include <fmt/core.h>

#include <cstring>

#include "storage/checksum.h"
#include "storage/geometry.h"

namespace spawnd::storage {
namespace {

constexpr size_t kHeaderLayerIdAt = 32;

constexpr size_t kTrailerChunkCountAt = 8;
constexpr size_t kTrailerDataBytesAt = 16;
constexpr size_t kTrailerFileBytesAt = 24;
constexpr size_t kTrailerHeaderChecksumAt = 32;
constexpr size_t kTrailerTableChecksumAt = 40;
constexpr size_t kTrailerChecksumAt = 48;

}  // namespace

std::array<std::byte, kHeaderBytes> EncodeLayerHeader(const std::string& layer_id) {
  std::array<std::byte, kHeaderBytes> block;
  BeginHeader(block, kLayerMagic);
  std::memcpy(block.data() + kHeaderLayerIdAt, layer_id.data(), kLayerIdLength);
  FinishHeader(block);
  return block;
}

Result<std::string> DecodeLayerHeader(std::span<const std::byte> block, const std::string& path) {
  TRY(CheckHeader(block, kLayerMagic, path));
  return std::string(reinterpret_cast<const char*>(block.data()) + kHeaderLayerIdAt, kLayerIdLength);
}

std::array<std::byte, kLayerTrailerBytes> EncodeLayerTrailer(LayerTrailer& trailer) {
  std::array<std::byte, kLayerTrailerBytes> bytes;
  std::memcpy(bytes.data(), kLayerTrailerMagic.data(), kLayerTrailerMagic.size());
  PutU64(bytes, kTrailerChunkCountAt, trailer.chunk_count);
  PutU64(bytes, kTrailerDataBytesAt, trailer.data_bytes);
  PutU64(bytes, kTrailerFileBytesAt, trailer.FileBytes());
  PutU64(bytes, kTrailerHeaderChecksumAt, trailer.header_checksum);
  PutU64(bytes, kTrailerTableChecksumAt, trailer.table_checksum);
  trailer.checksum = Checksum(std::span(bytes).first(kTrailerChecksumAt));
  PutU64(bytes, kTrailerChecksumAt, trailer.checksum);
  return bytes;
}

Result<LayerTrailer> DecodeLayerTrailer(std::span<const std::byte> bytes, uint64_t file_bytes,
                                        const std::string& path) {
  const auto damaged = [&](std::string_view cause) {
    return Fail(ErrorCode::kCorrupt, fmt::format("'{}' has no valid trailer at bytes {} to {}: {}", path,
                                                 file_bytes - kLayerTrailerBytes, file_bytes, cause));
  };
  if (std::memcmp(bytes.data(), kLayerTrailerMagic.data(), kLayerTrailerMagic.size()) != 0) {
    return damaged("wrong magic, the file is cut or was never finished");
  }
  LayerTrailer trailer;
  trailer.checksum = GetU64(bytes, kTrailerChecksumAt);
  if (trailer.checksum != Checksum(bytes.first(kTrailerChecksumAt))) return damaged("checksum mismatch");
  trailer.chunk_count = GetU64(bytes, kTrailerChunkCountAt);
  trailer.data_bytes = GetU64(bytes, kTrailerDataBytesAt);
  trailer.header_checksum = GetU64(bytes, kTrailerHeaderChecksumAt);
  trailer.table_checksum = GetU64(bytes, kTrailerTableChecksumAt);
  if (trailer.data_bytes > kMaxVolumeBytes || trailer.FileBytes() != GetU64(bytes, kTrailerFileBytesAt) ||
      trailer.FileBytes() != file_bytes) {
    return damaged("the file has the wrong size");
  }
  return trailer;
}

}  // namespace spawnd::storage
