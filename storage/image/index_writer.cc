#include "storage/image/index_writer.h"

#include "storage/checksum.h"

namespace spawnd::storage {

IndexWriter::IndexWriter(std::unique_ptr<File> file, const IndexHeader& header)
    : file_(std::move(file)), writer_(*file_), header_(header), directory_(LeavesOf(header.volume_bytes)) {
  trailer_.directory_count = directory_.size();
}

Result<std::unique_ptr<IndexWriter>> IndexWriter::Create(FileSystem& fs, const std::string& path,
                                                         const IndexHeader& header) {
  TRY_ASSIGN(auto file, fs.Open(path, OpenMode::kCreateNew));
  return Over(std::move(file), header);
}

Result<std::unique_ptr<IndexWriter>> IndexWriter::Over(std::unique_ptr<File> file,
                                                       const IndexHeader& header) {
  std::unique_ptr<IndexWriter> index(new IndexWriter(std::move(file), header));
  const auto block = EncodeIndexHeader(header);
  index->trailer_.header_checksum = HeaderChecksum(block);
  TRY(index->writer_.Append(block));
  return index;
}

Result<void> IndexWriter::Add(uint64_t chunk, const ChunkLocation& location) {
  const uint64_t leaf_number = chunk / kEntriesPerLeaf;
  if (leaf_number != leaf_number_) {
    TRY(EndLeaf());
    leaf_number_ = leaf_number;
  }
  PutEntry(leaf_, chunk % kEntriesPerLeaf, location);
  leaf_has_data_ = true;
  ++trailer_.data_chunks;
  return {};
}

Result<void> IndexWriter::EndLeaf() {
  if (!leaf_has_data_) return {};
  FinishLeaf(leaf_, header_.salt, leaf_number_);
  TRY(writer_.Append(leaf_));
  // Positions count from 1, because 0 says that the whole leaf is holes.
  directory_[leaf_number_] = static_cast<uint32_t>(++trailer_.leaf_count);
  leaf_.fill(std::byte{0});
  leaf_has_data_ = false;
  return {};
}

Result<void> IndexWriter::Finish(std::span<const LayerReference> layers) {
  TRY(EndLeaf());
  RunningChecksum directory_checksum;
  for (const uint32_t position : directory_) {
    std::array<std::byte, kDirectoryEntryBytes> entry;
    PutU32(entry, 0, position);
    directory_checksum.Add(entry);
    TRY(writer_.Append(entry));
  }
  RunningChecksum layers_checksum;
  for (const LayerReference& layer : layers) {
    const auto entry = EncodeLayerReference(layer);
    layers_checksum.Add(entry);
    TRY(writer_.Append(entry));
  }
  trailer_.layer_count = layers.size();
  trailer_.directory_checksum = directory_checksum.Value();
  trailer_.layers_checksum = layers_checksum.Value();
  TRY(writer_.Flush());
  TRY(file_->Sync());  // before the trailer is even written: see the class comment
  TRY(writer_.Append(EncodeIndexTrailer(trailer_)));
  TRY(writer_.Flush());
  TRY(file_->Sync());
  return {};
}

}  // namespace spawnd::storage
