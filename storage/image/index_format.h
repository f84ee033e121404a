/// The byte layout of an index file: header block, leaves, directory, layer list, trailer.
/// docs/store-format.md, section "Index". Pure functions; safe from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "storage/image/chunk_location.h"
#include "storage/image/image_files.h"

namespace spawnd::storage {

inline constexpr std::string_view kIndexMagic = "SPWNINDX";
inline constexpr std::string_view kIndexTrailerMagic = "SPWNIEND";
inline constexpr size_t kLeafBytes = 4096;
inline constexpr size_t kEntryBytes = 24;
inline constexpr uint64_t kEntriesPerLeaf = 170;
inline constexpr size_t kDirectoryEntryBytes = 4;
inline constexpr size_t kLayerEntryBytes = kLayerIdLength + 8 + 8;
inline constexpr size_t kIndexTrailerBytes = 88;

/// Each layer of an open image is an open file of its keeper. Seal merges all layers into one when an image
/// would need more.
inline constexpr size_t kMaxLayers = 256;

struct IndexHeader {
  uint64_t volume_bytes = 0;
  uint64_t salt = 0;  ///< mixed into every leaf's checksum: a leaf of another index does not pass
};

/// One layer that an index refers to, in ordinal order.
struct LayerReference {
  std::string id;
  uint64_t file_bytes = 0;
  uint64_t trailer_checksum = 0;  ///< a file with another trailer is another layer
};

struct IndexTrailer {
  uint64_t leaf_count = 0;       ///< leaves that are stored
  uint64_t directory_count = 0;  ///< leaves that the volume has
  uint64_t layer_count = 0;
  uint64_t data_chunks = 0;  ///< chunks that are not holes
  uint64_t header_checksum = 0;
  uint64_t directory_checksum = 0;
  uint64_t layers_checksum = 0;

  uint64_t DirectoryOffset() const { return kHeaderBytes + leaf_count * kLeafBytes; }
  uint64_t LayersOffset() const { return DirectoryOffset() + directory_count * kDirectoryEntryBytes; }
  uint64_t FileBytes() const { return LayersOffset() + layer_count * kLayerEntryBytes + kIndexTrailerBytes; }
};

/// How many leaves a volume has, stored or not.
uint64_t LeavesOf(uint64_t volume_bytes);

std::array<std::byte, kHeaderBytes> EncodeIndexHeader(const IndexHeader& header);
Result<IndexHeader> DecodeIndexHeader(std::span<const std::byte> block, const std::string& path);

std::array<std::byte, kIndexTrailerBytes> EncodeIndexTrailer(const IndexTrailer& trailer);
/// kCorrupt as well when the trailer does not fit a file of `file_bytes`.
Result<IndexTrailer> DecodeIndexTrailer(std::span<const std::byte> bytes, uint64_t file_bytes,
                                        const std::string& path);

std::array<std::byte, kLayerEntryBytes> EncodeLayerReference(const LayerReference& layer);
LayerReference DecodeLayerReference(std::span<const std::byte> bytes);

/// A leaf starts as zeros, which is all holes. `slot` is the chunk's number modulo kEntriesPerLeaf.
void PutEntry(std::span<std::byte> leaf, size_t slot, const ChunkLocation& location);
ChunkLocation GetEntry(std::span<const std::byte> leaf, size_t slot);
bool EntryIsHole(std::span<const std::byte> leaf, size_t slot);
void FinishLeaf(std::span<std::byte> leaf, uint64_t salt, uint64_t leaf_number);
bool LeafIsValid(std::span<const std::byte> leaf, uint64_t salt, uint64_t leaf_number);

}  // namespace spawnd::storage
