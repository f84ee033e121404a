#include "storage/image/index_reader.h"

#include <fmt/core.h>

#include <algorithm>

#include "storage/checksum.h"

namespace spawnd::storage {
namespace {

constexpr uint32_t kHoleBit = uint32_t{1} << 31;

Error Damaged(const std::string& path, uint64_t begin, uint64_t end, std::string_view cause) {
  return {ErrorCode::kCorrupt,
          fmt::format("index '{}' is damaged at bytes {} to {}: {}", path, begin, end, cause)};
}

}  // namespace

Result<std::unique_ptr<IndexReader>> IndexReader::Open(FileSystem& fs, const std::string& path) {
  TRY_ASSIGN(auto file, fs.Open(path, OpenMode::kRead));
  std::unique_ptr<IndexReader> index(new IndexReader(std::move(file), path));
  TRY(index->ReadHeaderAndTrailer());
  TRY(index->ReadDirectory());
  TRY(index->ReadLayers());
  return index;
}

Result<void> IndexReader::ReadHeaderAndTrailer() {
  TRY_ASSIGN(const uint64_t file_bytes, file_->Size());
  if (file_bytes < kHeaderBytes + kIndexTrailerBytes) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("'{}' is no index: only {} bytes long, the file is cut", path_, file_bytes));
  }
  std::array<std::byte, kHeaderBytes> block;
  TRY(ReadExactly(*file_, 0, block, path_));
  TRY_ASSIGN(header_, DecodeIndexHeader(block, path_));
  std::array<std::byte, kIndexTrailerBytes> bytes;
  TRY(ReadExactly(*file_, file_bytes - kIndexTrailerBytes, bytes, path_));
  TRY_ASSIGN(trailer_, DecodeIndexTrailer(bytes, file_bytes, path_));
  if (trailer_.header_checksum != HeaderChecksum(block) ||
      trailer_.directory_count != LeavesOf(header_.volume_bytes)) {
    return Fail(Damaged(path_, 0, kHeaderBytes, "header and trailer belong to different files"));
  }
  return {};
}

Result<void> IndexReader::ReadDirectory() {
  const uint64_t begin = trailer_.DirectoryOffset();
  std::vector<std::byte> bytes(trailer_.directory_count * kDirectoryEntryBytes);
  TRY(ReadExactly(*file_, begin, bytes, path_));
  if (Checksum(bytes) != trailer_.directory_checksum) {
    return Fail(Damaged(path_, begin, begin + bytes.size(), "checksum mismatch of the directory"));
  }
  directory_.resize(trailer_.directory_count);
  uint64_t left = trailer_.leaf_count;
  auto next_stored = static_cast<uint32_t>(directory_.size());
  for (size_t leaf = directory_.size(); leaf-- > 0;) {
    const uint32_t position = GetU32(bytes, leaf * kDirectoryEntryBytes);
    // Leaves are stored in order, each once. With that, every byte of the file belongs to something that has
    // a checksum and is read by a full walk.
    if (position != 0 && position != left--) {
      return Fail(Damaged(path_, begin, begin + bytes.size(), "the directory's positions are out of order"));
    }
    if (position != 0) next_stored = static_cast<uint32_t>(leaf);
    directory_[leaf] = position != 0 ? position : kHoleBit | next_stored;
  }
  if (left != 0) {
    return Fail(Damaged(path_, begin, begin + bytes.size(), "the directory does not name every leaf"));
  }
  return {};
}

Result<void> IndexReader::ReadLayers() {
  const uint64_t begin = trailer_.LayersOffset();
  std::vector<std::byte> bytes(trailer_.layer_count * kLayerEntryBytes);
  TRY(ReadExactly(*file_, begin, bytes, path_));
  if (Checksum(bytes) != trailer_.layers_checksum) {
    return Fail(Damaged(path_, begin, begin + bytes.size(), "checksum mismatch of the layer list"));
  }
  for (size_t at = 0; at < bytes.size(); at += kLayerEntryBytes) {
    layers_.push_back(DecodeLayerReference(std::span(bytes).subspan(at, kLayerEntryBytes)));
    if (!IsLayerId(layers_.back().id)) {
      return Fail(Damaged(path_, begin + at, begin + at + kLayerEntryBytes, "not a layer id"));
    }
  }
  return {};
}

Result<void> IndexReader::LoadLeaf(uint64_t leaf_number, std::array<std::byte, kLeafBytes>& leaf) {
  const uint64_t offset = kHeaderBytes + (directory_[leaf_number] - uint64_t{1}) * kLeafBytes;
  TRY(ReadExactly(*file_, offset, leaf, path_));
  if (!LeafIsValid(leaf, header_.salt, leaf_number)) {
    return Fail(Damaged(path_, offset, offset + kLeafBytes, "checksum mismatch of a leaf"));
  }
  return {};
}

/// `visitor` gets the verified bytes of a leaf that is stored; it may run under a lock of the cache.
template <typename Visitor>
Result<void> IndexReader::WithLeaf(uint64_t leaf_number, Visitor&& visitor) {
  if (leaves_.Visit(leaf_number, visitor)) return {};
  std::array<std::byte, kLeafBytes> leaf;
  TRY(LoadLeaf(leaf_number, leaf));
  visitor(std::span<const std::byte>(leaf));
  leaves_.Insert(leaf_number, leaf);
  return {};
}

Result<ChunkLocation> IndexReader::Locate(uint64_t chunk) {
  if (chunk >= ChunkCount()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("chunk {} is outside of index '{}'", chunk, path_));
  }
  const uint64_t leaf_number = chunk / kEntriesPerLeaf;
  if ((directory_[leaf_number] & kHoleBit) != 0) return ChunkLocation{};
  ChunkLocation location;
  TRY(WithLeaf(leaf_number,
               [&](std::span<const std::byte> leaf) { location = GetEntry(leaf, chunk % kEntriesPerLeaf); }));
  if (!location.IsHole() && (location.layer >= layers_.size() || location.stored_length > kChunkSize)) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("index '{}' has an impossible entry for chunk {}: layer {}, {} bytes", path_,
                            chunk, location.layer, location.stored_length));
  }
  return location;
}

Result<uint64_t> IndexReader::NextData(uint64_t chunk) {
  while (chunk < ChunkCount()) {
    const uint64_t leaf_number = chunk / kEntriesPerLeaf;
    const uint32_t position = directory_[leaf_number];
    if ((position & kHoleBit) != 0) {
      chunk = (position & ~kHoleBit) * kEntriesPerLeaf;
      continue;
    }
    size_t slot = chunk % kEntriesPerLeaf;
    TRY(WithLeaf(leaf_number, [&](std::span<const std::byte> leaf) {
      while (slot < kEntriesPerLeaf && EntryIsHole(leaf, slot)) ++slot;
    }));
    chunk = leaf_number * kEntriesPerLeaf + slot;
    // The last leaf has entries for more chunks than the volume; a damaged index may use them.
    if (slot < kEntriesPerLeaf) return std::min(chunk, ChunkCount());
  }
  return ChunkCount();
}

}  // namespace spawnd::storage
