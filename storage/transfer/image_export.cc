#include "storage/transfer/image_export.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "storage/checksum.h"
#include "storage/image/index_writer.h"
#include "storage/image/layer_writer.h"

namespace spawnd::storage {
namespace {

/// A file that is only ever written front to back, and goes on elsewhere.
class OnwardFile final : public File {
 public:
  explicit OnwardFile(ImageExport::Sink sink) : sink_(std::move(sink)) {}

  Result<void> WriteAt(uint64_t offset, std::span<const std::byte> data) override {
    if (offset != written_) return Fail(ErrorCode::kInternal, "an export is written front to back");
    written_ += data.size();
    return sink_(data);
  }
  Result<size_t> ReadAt(uint64_t, std::span<std::byte>) override { return Unsupported(); }
  Result<void> Sync() override { return {}; }
  Result<void> Truncate(uint64_t) override { return Unsupported(); }
  Result<void> PunchHole(uint64_t, uint64_t) override { return Unsupported(); }
  Result<uint64_t> Size() override { return written_; }

 private:
  static tl::unexpected<Error> Unsupported() {
    return Fail(ErrorCode::kInternal, "an export is written front to back");
  }

  const ImageExport::Sink sink_;
  uint64_t written_ = 0;
};

}  // namespace

/// Puts what is appended into frames, and hands on what stands at or behind `from`.
class ImageExport::Framing {
 public:
  Framing(const ExportHead& head, uint64_t from, const Sink& sink)
      : head_(head), from_(from), sink_(sink), place_(FirstFrame(head)) {
    payload_.reserve(kFrameBytes);
  }

  /// Bytes of the file itself, at `offset`.
  Result<void> Plain(uint64_t offset, std::span<const std::byte> bytes) const {
    if (offset + bytes.size() <= from_) return {};
    return sink_(bytes.subspan(from_ > offset ? from_ - offset : 0));
  }

  Result<void> Append(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      if (AfterLastFrame(head_, place_)) return TooLong();
      const size_t room = FrameLength(head_, place_) - payload_.size();
      const size_t part = std::min(bytes.size(), room);
      payload_.insert(payload_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(part));
      bytes = bytes.subspan(part);
      if (part == room) TRY(EndFrame());
    }
    return {};
  }

  /// Of the part that begins here: where the first frame begins that is wanted.
  uint64_t WantedFrom() const {
    if (from_ <= place_.file_offset) return 0;
    const uint64_t frames = (from_ - place_.file_offset) / (kFrameHeaderBytes + kFrameBytes);
    return std::min(frames * kFrameBytes, LastFrameOffset());
  }
  void SkipTo(uint64_t offset) { place_ = FrameAt(head_, place_.part, offset); }
  const FramePlace& Place() const { return place_; }

 private:
  uint64_t LastFrameOffset() const {
    return (head_.parts[place_.part].bytes - 1) / kFrameBytes * kFrameBytes;
  }

  Result<void> EndFrame() {
    const FramePlace place = std::exchange(place_, NextFrame(head_, place_));
    const auto header = EncodeFrameHeader(head_, place, payload_);
    TRY(Plain(place.file_offset, header));
    TRY(Plain(place.file_offset + kFrameHeaderBytes, payload_));
    payload_.clear();
    return {};
  }

  static Result<void> TooLong() { return Fail(ErrorCode::kInternal, "an export grew beyond its head"); }

  const ExportHead& head_;
  const uint64_t from_;
  const Sink& sink_;
  FramePlace place_;
  std::vector<std::byte> payload_;
};

Result<std::unique_ptr<ImageExport>> ImageExport::Open(FileSystem& fs, const std::string& index_path,
                                                       const std::string& layer_directory,
                                                       std::string description) {
  std::unique_ptr<ImageExport> image(new ImageExport());
  TRY_ASSIGN(image->index_, IndexReader::Open(fs, index_path));
  TRY_ASSIGN(image->index_file_, fs.Open(index_path, OpenMode::kRead));
  TRY_ASSIGN(image->index_bytes_, image->index_file_->Size());
  TRY(image->OpenLayers(fs, layer_directory));
  TRY_ASSIGN(image->use_, UseOf(*image->index_));
  TRY(image->PlanParts(std::move(description)));
  return image;
}

Result<void> ImageExport::OpenLayers(FileSystem& fs, const std::string& layer_directory) {
  for (const LayerReference& reference : index_->Layers()) {
    const std::string path = LayerPath(layer_directory, reference.id);
    TRY_ASSIGN(auto layer, LayerReader::Open(fs, path));
    if (layer->Trailer().checksum != reference.trailer_checksum) {
      return Fail(ErrorCode::kCorrupt, fmt::format("'{}' is not the layer that the index means", path));
    }
    layers_.push_back(std::move(layer));
    TRY_ASSIGN(auto file, fs.Open(path, OpenMode::kRead));
    layer_files_.push_back(std::move(file));
  }
  return {};
}

Result<void> ImageExport::PlanParts(std::string description) {
  head_.description = std::move(description);
  for (size_t i = 0; i < layers_.size(); ++i) {
    whole_.push_back(use_.layers[i].Whole(layers_[i]->Trailer()));
    if (!whole_.back()) continue;
    head_.parts.push_back({index_->Layers()[i].id, layers_[i]->Trailer().FileBytes()});
    new_layers_.push_back(index_->Layers()[i]);
  }
  gathers_ = new_layers_.size() != layers_.size();
  if (gathers_) {
    TRY(PlanGathered());
  } else {
    head_.parts.push_back({"", index_bytes_});
  }
  TRY_ASSIGN(head_bytes_, EncodeExportHead(head_));
  return {};
}

Result<void> ImageExport::PlanGathered() {
  LayerTrailer gathered;
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (!whole_[i]) gathered.data_bytes += use_.layers[i].stored_bytes;
  }
  new_layers_.push_back({GatheredId(), gathered.FileBytes(), 0});
  head_.parts.push_back({new_layers_.back().id, gathered.FileBytes()});
  IndexTrailer trailer;
  trailer.leaf_count = use_.leaves;
  trailer.directory_count = LeavesOf(index_->VolumeBytes());
  trailer.layer_count = new_layers_.size();
  head_.parts.push_back({"", trailer.FileBytes()});
  return {};
}

/// The same each time that this image is exported, and as hard to guess as the ids of its layers: both come
/// from what they were given at random.
std::string ImageExport::GatheredId() const {
  RunningChecksum low(1);
  RunningChecksum high(2);
  for (const LayerReference& layer : index_->Layers()) {
    const auto entry = EncodeLayerReference(layer);
    low.Add(entry);
    high.Add(entry);
  }
  std::array<std::byte, 16> tail{};
  PutU64(tail, 0, index_->Salt());
  PutU64(tail, 8, index_->DataChunks());
  low.Add(tail);
  high.Add(tail);
  return fmt::format("{:016x}{:016x}", high.Value(), low.Value());
}

Result<void> ImageExport::Write(uint64_t from, const Sink& sink) {
  Framing framing(head_, from, sink);
  TRY(framing.Plain(0, head_bytes_));
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (whole_[i]) TRY(WriteAsItIs(framing, *layer_files_[i], layers_[i]->Trailer().FileBytes()));
  }
  if (gathers_) {
    TRY(WriteGathered(framing));
    TRY(WriteIndex(framing));
  } else {
    TRY(WriteAsItIs(framing, *index_file_, index_bytes_));
  }
  return framing.Plain(FileBytes() - kExportTrailerBytes, EncodeExportTrailer(head_));
}

Result<void> ImageExport::WriteAsItIs(Framing& framing, File& file, uint64_t bytes) const {
  uint64_t at = framing.WantedFrom();
  framing.SkipTo(at);
  std::vector<std::byte> buffer(kFrameBytes);
  while (at < bytes) {
    const std::span<std::byte> piece = std::span(buffer).first(std::min<uint64_t>(kFrameBytes, bytes - at));
    TRY(ReadExactly(file, at, piece, "a part of the image"));
    TRY(framing.Append(piece));
    at += piece.size();
  }
  return {};
}

template <typename Visitor>
Result<void> ImageExport::ForEachChunk(Visitor&& visitor) {
  for (uint64_t chunk = 0;; ++chunk) {
    TRY_ASSIGN(chunk, index_->NextData(chunk));
    if (chunk >= index_->ChunkCount()) return {};
    TRY_ASSIGN(const ChunkLocation location, index_->Locate(chunk));
    TRY(visitor(chunk, location));
  }
}

/// From its beginning, also when all of it was sent already: the index has to say its checksum.
Result<void> ImageExport::WriteGathered(Framing& framing) {
  TRY_ASSIGN(const auto writer,
             LayerWriter::Over(std::make_unique<OnwardFile>([&framing](std::span<const std::byte> bytes) {
                                 return framing.Append(bytes);
                               }),
                               new_layers_.back().id));
  std::vector<std::byte> stored(kChunkSize);
  TRY(ForEachChunk([&](uint64_t, const ChunkLocation& location) -> Result<void> {
    if (whole_[location.layer]) return {};
    const auto bytes = std::span(stored).first(location.stored_length);
    TRY(layers_[location.layer]->ReadStored(location, bytes));
    return writer->Append(bytes).map([](uint64_t) {});
  }));
  TRY_ASSIGN(const LayerTrailer trailer, writer->Finish());
  new_layers_.back().trailer_checksum = trailer.checksum;
  return {};
}

Result<void> ImageExport::WriteIndex(Framing& framing) {
  std::vector<uint32_t> ordinals;
  uint32_t next = 0;
  const auto gathered = static_cast<uint32_t>(new_layers_.size() - 1);
  for (const bool whole : whole_) ordinals.push_back(whole ? next++ : gathered);
  TRY_ASSIGN(const auto writer,
             IndexWriter::Over(std::make_unique<OnwardFile>([&framing](std::span<const std::byte> bytes) {
                                 return framing.Append(bytes);
                               }),
                               {index_->VolumeBytes(), index_->Salt()}));
  uint64_t offset = kHeaderBytes;
  TRY(ForEachChunk([&](uint64_t chunk, ChunkLocation location) -> Result<void> {
    if (!whole_[location.layer]) location.offset = std::exchange(offset, offset + location.stored_length);
    location.layer = ordinals[location.layer];
    return writer->Add(chunk, location);
  }));
  return writer->Finish(new_layers_);
}

}  // namespace spawnd::storage
