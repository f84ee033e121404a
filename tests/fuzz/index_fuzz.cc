/// An index whose fields are the fuzzer's and whose checksums are right, over a layer whose bytes are the
/// fuzzer's: what is read is right or refused.
#include <array>

#include "storage/checksum.h"
#include "storage/image/image.h"
#include "storage/image/image_verify.h"
#include "storage/image/index_format.h"
#include "tests/fuzz/image_fuzz.h"

namespace spawnd::fuzz {
namespace {

constexpr uint8_t kDamageAfterwards = 1;
constexpr uint8_t kWrongEntryChecksums = 2;
constexpr uint8_t kPatchParts = 4;
constexpr uint64_t kMaxChunks = 2000;
constexpr uint64_t kMaxLeaves = 6;
constexpr size_t kMaxData = 1024;
constexpr int kMaxEntries = 32;

struct Parts {
  std::vector<std::byte> header;
  std::vector<std::vector<std::byte>> leaves;
  std::vector<std::byte> directory;
  std::vector<std::byte> layers;
};

storage::ChunkLocation TakeLocation(Input& input, std::span<const std::byte> layer, bool right_checksum) {
  storage::ChunkLocation location{.layer = input.Take<uint8_t>() % 3U,
                                  .offset = input.Take<uint16_t>(),
                                  .stored_length = input.Take<uint16_t>(),
                                  .checksum = 0};
  location.offset = location.offset == UINT16_MAX ? UINT64_MAX - 100 : location.offset + 4000;
  if (right_checksum && location.offset < layer.size() &&
      location.stored_length <= layer.size() - location.offset) {
    location.checksum = storage::Checksum(layer.subspan(location.offset, location.stored_length));
  }
  return location;
}

/// Leaves at places of the directory that the input names, more than once if it says so.
Parts TakeParts(Input& input, uint8_t flags, std::span<const std::byte> layer,
                const storage::IndexHeader& header, const storage::LayerReference& reference) {
  Parts parts;
  const auto block = storage::EncodeIndexHeader(header);
  parts.header.assign(block.begin(), block.end());
  parts.directory.resize(storage::LeavesOf(header.volume_bytes) * storage::kDirectoryEntryBytes);
  const uint64_t entries = parts.directory.size() / storage::kDirectoryEntryBytes;
  std::vector<uint64_t> numbers;
  for (uint64_t left = input.Take<uint8_t>() % kMaxLeaves; left > 0 && entries > 0; --left) {
    std::vector<std::byte> leaf(storage::kLeafBytes);
    for (int n = input.Take<uint8_t>() % kMaxEntries; n > 0; --n) {
      const size_t slot = input.Take<uint8_t>() % storage::kEntriesPerLeaf;
      storage::PutEntry(leaf, slot, TakeLocation(input, layer, (flags & kWrongEntryChecksums) == 0));
    }
    if ((flags & kPatchParts) != 0) Patch(leaf, input);
    const uint64_t number = input.Take<uint16_t>() % entries;
    parts.leaves.push_back(std::move(leaf));
    numbers.push_back(number);
    storage::PutU32(parts.directory, number * storage::kDirectoryEntryBytes,
                    static_cast<uint32_t>(parts.leaves.size()));
  }
  for (int left = input.Take<uint8_t>() % 3; left >= 0; --left) {
    Append(parts.layers, storage::EncodeLayerReference(reference));
  }
  if ((flags & kPatchParts) != 0) {
    Patch(parts.directory, input);
    Patch(parts.layers, input);
  }
  for (size_t i = 0; i < numbers.size(); ++i) storage::FinishLeaf(parts.leaves[i], header.salt, numbers[i]);
  return parts;
}

std::vector<std::byte> Join(const Parts& parts, uint64_t data_chunks) {
  std::vector<std::byte> file = parts.header;
  for (const auto& leaf : parts.leaves) Append(file, leaf);
  Append(file, parts.directory);
  Append(file, parts.layers);
  const storage::IndexTrailer trailer{
      .leaf_count = parts.leaves.size(),
      .directory_count = parts.directory.size() / storage::kDirectoryEntryBytes,
      .layer_count = parts.layers.size() / storage::kLayerEntryBytes,
      .data_chunks = data_chunks,
      .header_checksum = storage::HeaderChecksum(parts.header),
      .directory_checksum = storage::Checksum(parts.directory),
      .layers_checksum = storage::Checksum(parts.layers)};
  Append(file, storage::EncodeIndexTrailer(trailer));
  return file;
}

void ReadEverything(storage::Image& image) {
  const uint64_t chunks = image.VolumeBytes() / storage::kChunkSize;
  std::vector<std::byte> first(storage::kChunkSize);
  std::vector<std::byte> second(storage::kChunkSize);
  for (uint64_t chunk = 0; chunk < chunks;) {
    const auto next = image.NextData(chunk);
    if (!next) return RequireHonest(next.error());
    Require(*next >= chunk && *next <= chunks, "the next data is before or behind the volume");
    if (*next == chunks) return;
    const auto read = image.ReadChunk(*next, first);
    if (read) {
      Require(image.ReadChunk(*next, second).has_value() && first == second,
              "a chunk reads differently again");
    } else {
      RequireHonest(read.error());
    }
    chunk = *next + 1;
  }
}

void Run(Input input) {
  const auto flags = input.Take<uint8_t>();
  testing::RecordingFileSystem fs;
  storage::LayerTrailer layer_trailer;
  const auto layer = BuildLayer(input.TakeBytes(input.Take<uint16_t>() % kMaxData), layer_trailer, 1);
  WriteFile(fs, "/" + kLayerId + ".layer", layer);
  const storage::IndexHeader header{.volume_bytes = input.Take<uint16_t>() % kMaxChunks * storage::kChunkSize,
                                    .salt = input.Take<uint8_t>()};
  const Parts parts =
      TakeParts(input, flags, layer, header,
                {.id = kLayerId, .file_bytes = layer.size(), .trailer_checksum = layer_trailer.checksum});
  std::vector<std::byte> file = Join(parts, input.Take<uint16_t>());
  if ((flags & kDamageAfterwards) != 0) Patch(file, input);
  WriteFile(fs, "/x.index", file);
  if (const auto done = storage::VerifyImage(fs, "/x.index", ""); !done) RequireHonest(done.error());
  const auto image = storage::Image::Open(fs, "/x.index", "");
  if (!image) return RequireHonest(image.error());
  ReadEverything(**image);
}

}  // namespace
}  // namespace spawnd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  spawnd::fuzz::Run({data, size});
  return 0;
}
