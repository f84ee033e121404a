#include "storage/transfer/import_check.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <vector>

#include "storage/image/image.h"
#include "storage/image/image_verify.h"
#include "storage/image/layer_reader.h"
#include "storage/transfer/import_receiver.h"
#include "storage/transfer/layer_use.h"

namespace spawnd::storage {
namespace {

constexpr uint64_t kBetweenReports = uint64_t{8} << 20U;
constexpr size_t kCompareBytes = 1U << 20;

Error Unacceptable(std::string_view what) {
  return {ErrorCode::kCorrupt, fmt::format("the file holds no image that can be used: {}", what),
          "It was not made by 'spawnctl export'."};
}

/// The index and the head name the same layers.
Result<void> CheckLayerList(const IndexReader& index, const ExportHead& head) {
  std::map<std::string_view, uint64_t> parts;
  for (const ExportPart& part : head.parts) {
    if (!part.layer_id.empty()) parts.emplace(part.layer_id, part.bytes);
  }
  for (const LayerReference& layer : index.Layers()) {
    const auto found = parts.find(layer.id);
    if (found == parts.end() || found->second != layer.file_bytes) {
      return Fail(Unacceptable("its index speaks of a layer that is not in it"));
    }
    parts.erase(found);
  }
  if (!parts.empty()) return Fail(Unacceptable("a layer is in it that its index does not speak of"));
  return {};
}

Result<void> CheckUse(FileSystem& fs, const std::string& folder, const IndexReader& index,
                      const IndexUse& use) {
  for (size_t i = 0; i < index.Layers().size(); ++i) {
    TRY_ASSIGN(const auto layer, LayerReader::Open(fs, LayerPath(folder, index.Layers()[i].id)));
    if (!use.layers[i].Whole(layer->Trailer())) {
      return Fail(Unacceptable(
          fmt::format("its index does not use layer '{}' whole, once and in order", index.Layers()[i].id)));
    }
  }
  return {};
}

Result<void> ReadEveryChunk(Image& image, const std::function<bool(uint64_t)>& progress) {
  std::vector<std::byte> chunk_bytes(kChunkSize);
  const uint64_t chunk_count = image.VolumeBytes() / kChunkSize;
  uint64_t done = 0;
  for (uint64_t chunk = 0;; ++chunk) {
    TRY_ASSIGN(chunk, image.NextData(chunk));
    if (chunk >= chunk_count) return {};
    TRY(image.ReadChunk(chunk, chunk_bytes));
    done += kChunkSize;
    if (done % kBetweenReports == 0 && !progress(done)) {
      return Fail(ErrorCode::kCancelled, "the import was stopped");
    }
  }
}

}  // namespace

Result<ImportedImage> CheckImport(FileSystem& fs, const std::string& folder, const ExportHead& head,
                                  const std::function<bool(uint64_t)>& progress) {
  const std::string index_path = folder + "/" + std::string(kImportedIndex);
  ImportedImage image;
  {
    TRY_ASSIGN(const auto index, IndexReader::Open(fs, index_path));
    TRY(CheckLayerList(*index, head));
    TRY_ASSIGN(const IndexUse use, UseOf(*index));
    TRY(CheckUse(fs, folder, *index, use));
    image.volume_bytes = index->VolumeBytes();
    image.data_bytes = use.chunks * kChunkSize;
    if (use.chunks == 0 || use.chunks != index->DataChunks()) {
      return Fail(Unacceptable("its index does not count its chunks"));
    }
  }
  for (const ExportPart& part : head.parts) {
    if (part.layer_id.empty()) continue;
    TRY(VerifyLayer(fs, LayerPath(folder, part.layer_id)));
    if (!progress(0)) return Fail(ErrorCode::kCancelled, "the import was stopped");
  }
  TRY_ASSIGN(const auto opened, Image::Open(fs, index_path, folder));
  TRY(ReadEveryChunk(*opened, progress));
  return image;
}

Result<bool> SameBytes(FileSystem& fs, const std::string& one, const std::string& other) {
  TRY_ASSIGN(const auto a, fs.Open(one, OpenMode::kRead));
  TRY_ASSIGN(const auto b, fs.Open(other, OpenMode::kRead));
  TRY_ASSIGN(const uint64_t bytes, a->Size());
  TRY_ASSIGN(const uint64_t other_bytes, b->Size());
  if (bytes != other_bytes) return false;
  std::vector<std::byte> of_a(kCompareBytes);
  std::vector<std::byte> of_b(kCompareBytes);
  for (uint64_t at = 0; at < bytes; at += kCompareBytes) {
    const size_t piece = std::min<uint64_t>(kCompareBytes, bytes - at);
    TRY(ReadExactly(*a, at, std::span(of_a).first(piece), one));
    TRY(ReadExactly(*b, at, std::span(of_b).first(piece), other));
    if (!std::equal(of_a.begin(), of_a.begin() + static_cast<ptrdiff_t>(piece), of_b.begin())) return false;
  }
  return true;
}

}  // namespace spawnd::storage
