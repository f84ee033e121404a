#include "storage/image/image_verify.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <vector>

#include "storage/checksum.h"
#include "storage/geometry.h"
#include "storage/image/image.h"
#include "storage/image/layer_reader.h"

namespace spawnd::storage {
namespace {

constexpr size_t kReadBytes = 1U << 20;
static_assert(kSegmentBytes % kReadBytes == 0);

Error Damaged(const LayerReader& layer, uint64_t begin, uint64_t end, std::string_view cause) {
  return {ErrorCode::kCorrupt,
          fmt::format("layer '{}' is damaged at bytes {} to {}: {}", layer.Path(), begin, end, cause)};
}

Result<void> VerifyHeader(LayerReader& layer) {
  std::array<std::byte, kHeaderBytes> block;
  TRY(layer.ReadRaw(0, block));
  TRY_ASSIGN(const std::string id, DecodeLayerHeader(block, layer.Path()));
  if (HeaderChecksum(block) != layer.Trailer().header_checksum) {
    return Fail(Damaged(layer, 0, kHeaderBytes, "header and trailer belong to different files"));
  }
  if (!layer.Path().ends_with(id + std::string(kLayerSuffix))) {
    return Fail(Damaged(layer, 0, kHeaderBytes, fmt::format("this is layer '{}' under another name", id)));
  }
  return {};
}

Result<std::vector<std::byte>> ReadTable(LayerReader& layer) {
  const LayerTrailer& trailer = layer.Trailer();
  std::vector<std::byte> table(8 * trailer.SegmentCount());
  TRY(layer.ReadRaw(trailer.TableOffset(), table));
  if (Checksum(table) != trailer.table_checksum) {
    return Fail(Damaged(layer, trailer.TableOffset(), trailer.TableOffset() + table.size(),
                        "checksum mismatch of the segment table"));
  }
  return table;
}

Result<void> VerifySegments(LayerReader& layer, std::span<const std::byte> table) {
  std::vector<std::byte> buffer(std::min<uint64_t>(kReadBytes, layer.Trailer().data_bytes));
  const uint64_t data_end = layer.Trailer().TableOffset();
  for (uint64_t segment = 0; segment < layer.Trailer().SegmentCount(); ++segment) {
    const uint64_t begin = kHeaderBytes + segment * kSegmentBytes;
    const uint64_t end = std::min(begin + kSegmentBytes, data_end);
    RunningChecksum checksum(segment);
    for (uint64_t at = begin; at < end; at += kReadBytes) {
      const std::span<std::byte> part = std::span(buffer).first(std::min<uint64_t>(kReadBytes, end - at));
      TRY(layer.ReadRaw(at, part));
      checksum.Add(part);
    }
    if (checksum.Value() != GetU64(table, 8 * segment)) {
      return Fail(Damaged(layer, begin, end, "checksum mismatch of a segment"));
    }
  }
  return {};
}

}  // namespace

Result<void> VerifyLayer(FileSystem& fs, const std::string& path) {
  TRY_ASSIGN(auto layer, LayerReader::Open(fs, path));
  TRY(VerifyHeader(*layer));
  TRY_ASSIGN(const std::vector<std::byte> table, ReadTable(*layer));
  return VerifySegments(*layer, table);
}

Result<void> VerifyImage(FileSystem& fs, const std::string& index_path, const std::string& layer_directory) {
  TRY_ASSIGN(auto image, Image::Open(fs, index_path, layer_directory));
  // Every stored leaf has data, so that the walk loads, and by that verifies, each of them.
  std::vector<std::byte> chunk_bytes(kChunkSize);
  const uint64_t chunk_count = image->VolumeBytes() / kChunkSize;
  for (uint64_t chunk = 0;; ++chunk) {
    TRY_ASSIGN(chunk, image->NextData(chunk));
    if (chunk >= chunk_count) return {};
    TRY(image->ReadChunk(chunk, chunk_bytes));
  }
}

}  // namespace spawnd::storage
