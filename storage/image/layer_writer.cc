#include "storage/image/layer_writer.h"

#include <algorithm>

namespace spawnd::storage {

LayerWriter::LayerWriter(std::unique_ptr<File> file) : file_(std::move(file)), writer_(*file_) {}

Result<std::unique_ptr<LayerWriter>> LayerWriter::Create(FileSystem& fs, const std::string& path,
                                                         const std::string& layer_id) {
  TRY_ASSIGN(auto file, fs.Open(path, OpenMode::kCreateNew));
  return Over(std::move(file), layer_id);
}

Result<std::unique_ptr<LayerWriter>> LayerWriter::Over(std::unique_ptr<File> file,
                                                       const std::string& layer_id) {
  std::unique_ptr<LayerWriter> layer(new LayerWriter(std::move(file)));
  const auto header = EncodeLayerHeader(layer_id);
  layer->trailer_.header_checksum = HeaderChecksum(header);
  TRY(layer->writer_.Append(header));
  return layer;
}

Result<uint64_t> LayerWriter::Append(std::span<const std::byte> stored) {
  const uint64_t offset = writer_.Position();
  TRY(writer_.Append(stored));
  AddToSegments(stored);
  ++trailer_.chunk_count;
  return offset;
}

void LayerWriter::AddToSegments(std::span<const std::byte> stored) {
  while (!stored.empty()) {
    const uint64_t room = kSegmentBytes - trailer_.data_bytes % kSegmentBytes;
    const size_t part = std::min<uint64_t>(stored.size(), room);
    segment_checksum_.Add(stored.first(part));
    trailer_.data_bytes += part;
    stored = stored.subspan(part);
    if (part == room) {
      segment_checksums_.push_back(segment_checksum_.Value());
      segment_checksum_.Restart(segment_checksums_.size());
    }
  }
}

Result<LayerTrailer> LayerWriter::Finish() {
  if (trailer_.data_bytes % kSegmentBytes != 0) segment_checksums_.push_back(segment_checksum_.Value());
  RunningChecksum table;
  for (const uint64_t checksum : segment_checksums_) {
    std::array<std::byte, 8> entry;
    PutU64(entry, 0, checksum);
    table.Add(entry);
    TRY(writer_.Append(entry));
  }
  trailer_.table_checksum = table.Value();
  TRY(writer_.Flush());
  TRY(file_->Sync());  // before the trailer is even written: see the class comment
  TRY(writer_.Append(EncodeLayerTrailer(trailer_)));
  TRY(writer_.Flush());
  TRY(file_->Sync());
  return trailer_;
}

}  // namespace spawnd::storage
