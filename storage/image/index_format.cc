#include "storage/image/index_format.h"

#include <fmt/core.h>

#include <cstring>

#include "storage/checksum.h"
#include "storage/geometry.h"

namespace spawnd::storage {
namespace {

constexpr size_t kHeaderVolumeBytesAt = 32;
constexpr size_t kHeaderSaltAt = 40;

constexpr size_t kTrailerLeafCountAt = 8;
constexpr size_t kTrailerDirectoryCountAt = 16;
constexpr size_t kTrailerLayerCountAt = 24;
constexpr size_t kTrailerDataChunksAt = 32;
constexpr size_t kTrailerFileBytesAt = 40;
constexpr size_t kTrailerHeaderChecksumAt = 48;
constexpr size_t kTrailerDirectoryChecksumAt = 56;
constexpr size_t kTrailerLayersChecksumAt = 64;
constexpr size_t kTrailerReservedAt = 72;
constexpr size_t kTrailerChecksumAt = 80;

constexpr size_t kEntryOffsetAt = 0;
constexpr size_t kEntryLayerAt = 8;
constexpr size_t kEntryLengthAt = 12;
constexpr size_t kEntryChecksumAt = 16;

constexpr size_t kLeafChecksumAt = kLeafBytes - 8;
static_assert(kEntriesPerLeaf * kEntryBytes <= kLeafChecksumAt);
static_assert(kChunkSize <= UINT16_MAX, "a stored length has 16 bits");

}  // namespace

uint64_t LeavesOf(uint64_t volume_bytes) {
  return (volume_bytes / kChunkSize + kEntriesPerLeaf - 1) / kEntriesPerLeaf;
}

std::array<std::byte, kHeaderBytes> EncodeIndexHeader(const IndexHeader& header) {
  std::array<std::byte, kHeaderBytes> block;
  BeginHeader(block, kIndexMagic);
  PutU64(block, kHeaderVolumeBytesAt, header.volume_bytes);
  PutU64(block, kHeaderSaltAt, header.salt);
  FinishHeader(block);
  return block;
}

Result<IndexHeader> DecodeIndexHeader(std::span<const std::byte> block, const std::string& path) {
  TRY(CheckHeader(block, kIndexMagic, path));
  IndexHeader header;
  header.volume_bytes = GetU64(block, kHeaderVolumeBytesAt);
  header.salt = GetU64(block, kHeaderSaltAt);
  if (header.volume_bytes > kMaxVolumeBytes || header.volume_bytes % kChunkSize != 0) {
    return Fail(ErrorCode::kCorrupt, fmt::format("header of '{}' is damaged: a volume cannot have {} bytes",
                                                 path, header.volume_bytes));
  }
  return header;
}

std::array<std::byte, kIndexTrailerBytes> EncodeIndexTrailer(const IndexTrailer& trailer) {
  std::array<std::byte, kIndexTrailerBytes> bytes;
  std::memcpy(bytes.data(), kIndexTrailerMagic.data(), kIndexTrailerMagic.size());
  PutU64(bytes, kTrailerLeafCountAt, trailer.leaf_count);
  PutU64(bytes, kTrailerDirectoryCountAt, trailer.directory_count);
  PutU64(bytes, kTrailerLayerCountAt, trailer.layer_count);
  PutU64(bytes, kTrailerDataChunksAt, trailer.data_chunks);
  PutU64(bytes, kTrailerFileBytesAt, trailer.FileBytes());
  PutU64(bytes, kTrailerHeaderChecksumAt, trailer.header_checksum);
  PutU64(bytes, kTrailerDirectoryChecksumAt, trailer.directory_checksum);
  PutU64(bytes, kTrailerLayersChecksumAt, trailer.layers_checksum);
  PutU64(bytes, kTrailerReservedAt, 0);
  PutU64(bytes, kTrailerChecksumAt, Checksum(std::span(bytes).first(kTrailerChecksumAt)));
  return bytes;
}

Result<IndexTrailer> DecodeIndexTrailer(std::span<const std::byte> bytes, uint64_t file_bytes,
                                        const std::string& path) {
  const auto damaged = [&](std::string_view cause) {
    return Fail(ErrorCode::kCorrupt, fmt::format("'{}' has no valid trailer at bytes {} to {}: {}", path,
                                                 file_bytes - kIndexTrailerBytes, file_bytes, cause));
  };
  if (std::memcmp(bytes.data(), kIndexTrailerMagic.data(), kIndexTrailerMagic.size()) != 0) {
    return damaged("wrong magic, the file is cut or was never finished");
  }
  if (GetU64(bytes, kTrailerChecksumAt) != Checksum(bytes.first(kTrailerChecksumAt))) {
    return damaged("checksum mismatch");
  }
  IndexTrailer trailer;
  trailer.leaf_count = GetU64(bytes, kTrailerLeafCountAt);
  trailer.directory_count = GetU64(bytes, kTrailerDirectoryCountAt);
  trailer.layer_count = GetU64(bytes, kTrailerLayerCountAt);
  trailer.data_chunks = GetU64(bytes, kTrailerDataChunksAt);
  trailer.header_checksum = GetU64(bytes, kTrailerHeaderChecksumAt);
  trailer.directory_checksum = GetU64(bytes, kTrailerDirectoryChecksumAt);
  trailer.layers_checksum = GetU64(bytes, kTrailerLayersChecksumAt);
  if (trailer.directory_count > LeavesOf(kMaxVolumeBytes) || trailer.leaf_count > trailer.directory_count ||
      trailer.layer_count > kMaxLayers || trailer.FileBytes() != GetU64(bytes, kTrailerFileBytesAt) ||
      trailer.FileBytes() != file_bytes) {
    return damaged("the file has the wrong size");
  }
  return trailer;
}

std::array<std::byte, kLayerEntryBytes> EncodeLayerReference(const LayerReference& layer) {
  std::array<std::byte, kLayerEntryBytes> bytes;
  std::memcpy(bytes.data(), layer.id.data(), kLayerIdLength);
  PutU64(bytes, kLayerIdLength, layer.file_bytes);
  PutU64(bytes, kLayerIdLength + 8, layer.trailer_checksum);
  return bytes;
}

LayerReference DecodeLayerReference(std::span<const std::byte> bytes) {
  return {.id = std::string(reinterpret_cast<const char*>(bytes.data()), kLayerIdLength),
          .file_bytes = GetU64(bytes, kLayerIdLength),
          .trailer_checksum = GetU64(bytes, kLayerIdLength + 8)};
}

void PutEntry(std::span<std::byte> leaf, size_t slot, const ChunkLocation& location) {
  const std::span<std::byte> entry = leaf.subspan(slot * kEntryBytes, kEntryBytes);
  PutU64(entry, kEntryOffsetAt, location.offset);
  PutU32(entry, kEntryLayerAt, location.layer);
  PutU16(entry, kEntryLengthAt, static_cast<uint16_t>(location.stored_length));
  PutU64(entry, kEntryChecksumAt, location.checksum);
}

ChunkLocation GetEntry(std::span<const std::byte> leaf, size_t slot) {
  const std::span<const std::byte> entry = leaf.subspan(slot * kEntryBytes, kEntryBytes);
  return {.layer = GetU32(entry, kEntryLayerAt),
          .offset = GetU64(entry, kEntryOffsetAt),
          .stored_length = GetU16(entry, kEntryLengthAt),
          .checksum = GetU64(entry, kEntryChecksumAt)};
}

bool EntryIsHole(std::span<const std::byte> leaf, size_t slot) {
  return GetU16(leaf, slot * kEntryBytes + kEntryLengthAt) == 0;
}

void FinishLeaf(std::span<std::byte> leaf, uint64_t salt, uint64_t leaf_number) {
  PutU64(leaf, kLeafChecksumAt, Checksum(leaf.first(kLeafChecksumAt), salt ^ leaf_number));
}

bool LeafIsValid(std::span<const std::byte> leaf, uint64_t salt, uint64_t leaf_number) {
  return GetU64(leaf, kLeafChecksumAt) == Checksum(leaf.first(kLeafChecksumAt), salt ^ leaf_number);
}

}  // namespace spawnd::storage
