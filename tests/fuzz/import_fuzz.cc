/// An export file as a hostile author would write it: right in every checksum, and in nothing else; or
/// damaged afterwards; or with a head of arbitrary bytes. Given in pieces, and what came of it checked as an
/// image.
#include "storage/geometry.h"
#include "storage/image/index_format.h"
#include "storage/transfer/import_check.h"
#include "storage/transfer/import_receiver.h"
#include "tests/fuzz/image_fuzz.h"

namespace spawnd::fuzz {
namespace {

constexpr uint8_t kRawHead = 1;
constexpr uint8_t kDamageAfterwards = 2;
constexpr uint8_t kTwoLayers = 4;
constexpr uint8_t kRawIndex = 8;
constexpr size_t kMaxData = 2048;
constexpr size_t kMaxEntries = 12;

/// A head of arbitrary bytes whose checksums are right.
std::vector<std::byte> RawHead(Input& input) {
  std::vector<std::byte> head = input.TakeBytes(4096);
  head.resize(std::max<size_t>(head.size(), storage::kExportHeaderBytes + 8));
  std::copy_n(reinterpret_cast<const std::byte*>(storage::kExportMagic.data()), storage::kExportMagic.size(),
              head.begin());
  if (input.Take<uint8_t>() % 8 != 0) storage::PutU32(head, 8, storage::kExportFormatVersion);
  if (input.Take<uint8_t>() % 8 != 0) storage::PutU32(head, 12, storage::kFrameBytes);
  if (input.Take<uint8_t>() % 8 != 0) storage::PutU64(head, 24, 0);
  storage::PutU64(head, 56, storage::Checksum(std::span(head).first(56)));
  storage::PutU64(head, head.size() - 8, storage::Checksum(std::span(head).first(head.size() - 8)));
  return head;
}

/// An index of a few chunks that stand wherever the input says.
std::vector<std::byte> BuildIndex(Input& input, uint8_t flags, const storage::LayerReference& layer) {
  if ((flags & kRawIndex) != 0) {
    auto bytes = input.TakeBytes(8192);
    bytes.resize(std::max<size_t>(bytes.size(), storage::kHeaderBytes + storage::kIndexTrailerBytes));
    return bytes;
  }
  const uint64_t volume = uint64_t{1 + input.Take<uint8_t>() % 200U} * storage::kChunkSize;
  const auto header = storage::EncodeIndexHeader({volume, 7});
  std::vector<std::byte> leaf(storage::kLeafBytes);
  uint64_t offset = storage::kHeaderBytes;
  size_t chunks = 0;
  for (size_t i = input.Take<uint8_t>() % kMaxEntries; i > 0; --i, ++chunks) {
    storage::ChunkLocation location;
    location.layer = input.Take<uint8_t>() % 8 == 0 ? input.Take<uint32_t>() : 0;
    location.stored_length = input.Take<uint16_t>() % (storage::kChunkSize + 1);
    location.offset = input.Take<uint8_t>() % 8 == 0 ? input.Take<uint64_t>() : offset;
    location.checksum = input.Take<uint64_t>();
    offset += location.stored_length;
    storage::PutEntry(leaf, chunks, location);
  }
  storage::FinishLeaf(leaf, 7, 0);
  std::vector<std::byte> directory(storage::LeavesOf(volume) * storage::kDirectoryEntryBytes);
  storage::PutU32(directory, 0, 1);
  std::vector<std::byte> file(header.begin(), header.end());
  Append(file, leaf);
  Append(file, directory);
  const auto entry = storage::EncodeLayerReference(layer);
  Append(file, entry);
  Append(file, storage::EncodeIndexTrailer({.leaf_count = 1,
                                            .directory_count = storage::LeavesOf(volume),
                                            .layer_count = 1,
                                            .data_chunks = chunks,
                                            .header_checksum = storage::HeaderChecksum(header),
                                            .directory_checksum = storage::Checksum(directory),
                                            .layers_checksum = storage::Checksum(entry)}));
  return file;
}

std::vector<std::byte> BuildFile(Input& input, uint8_t flags) {
  storage::LayerTrailer trailer;
  const auto data = input.TakeBytes(input.Take<uint16_t>() % kMaxData);
  const auto layer = BuildLayer(data, trailer, input.Take<uint8_t>() % kMaxEntries);
  const auto index = BuildIndex(input, flags, {kLayerId, layer.size(), trailer.checksum});
  storage::ExportHead head;
  head.description = "{}";
  std::vector<std::vector<std::byte>> parts{layer};
  head.parts = {{kLayerId, layer.size()}};
  if ((flags & kTwoLayers) != 0) {
    head.parts.push_back({std::string(storage::kLayerIdLength, 'b'), layer.size()});
    parts.push_back(layer);
  }
  head.parts.push_back({"", index.size()});
  parts.push_back(index);
  auto file = storage::EncodeExportHead(head);
  Require(file.has_value(), "a head that was right is refused");
  storage::FramePlace place = storage::FirstFrame(head);
  for (const auto& part : parts) {
    Append(*file, storage::EncodeFrameHeader(head, place, part));
    Append(*file, part);
    place = storage::NextFrame(head, place);
  }
  Append(*file, storage::EncodeExportTrailer(head));
  return std::move(*file);
}

void Receive(Input& input, std::span<const std::byte> file) {
  testing::RecordingFileSystem fs;
  const auto length = storage::ExportHeadBytes(file);
  if (!length) return RequireHonest(length.error());
  const auto head = file.first(std::min(*length, file.size()));
  const auto receiver = storage::ImportReceiver::Begin(fs, "/in", head);
  if (!receiver) return RequireHonest(receiver.error());
  const size_t piece = 1 + input.Take<uint16_t>() % 5000U;
  for (size_t at = (*receiver)->Offset(); at < file.size(); at += piece) {
    const auto taken = (*receiver)->Append(file.subspan(at, std::min(piece, file.size() - at)));
    if (!taken) return RequireHonest(taken.error());
  }
  if (!(*receiver)->Complete()) return;
  const auto checked = storage::CheckImport(fs, "/in", (*receiver)->Head(), [](uint64_t) { return true; });
  if (!checked) return RequireHonest(checked.error());
  Require(checked->data_bytes <= file.size() * 256, "an image of more than its file can hold");
}

void Run(Input input) {
  const auto flags = input.Take<uint8_t>();
  std::vector<std::byte> file;
  if ((flags & kRawHead) != 0) {
    file = RawHead(input);
    Append(file, input.TakeBytes(4096));
  } else {
    file = BuildFile(input, flags);
  }
  if ((flags & kDamageAfterwards) != 0) Patch(file, input);
  Receive(input, file);
}

}  // namespace
}  // namespace spawnd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  spawnd::fuzz::Run({data, size});
  return 0;
}
