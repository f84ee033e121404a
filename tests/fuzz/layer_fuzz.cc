/// A layer file of arbitrary data, with right checksums, with wrong ones, or of arbitrary bytes altogether;
/// and arbitrary bytes as an lz4 block.
#include "storage/checksum.h"
#include "storage/image/chunk_codec.h"
#include "storage/image/image_verify.h"
#include "storage/image/layer_reader.h"
#include "tests/fuzz/image_fuzz.h"

namespace spawnd::fuzz {
namespace {

constexpr uint8_t kWholeFileRaw = 1;
constexpr uint8_t kDamageAfterwards = 2;
constexpr size_t kMaxData = 2048;

void ReadAround(storage::LayerReader& layer, Input& input) {
  std::vector<std::byte> out(storage::kChunkSize);
  for (int i = 0; i < 8; ++i) {
    const storage::ChunkLocation location{.layer = 0,
                                          .offset = input.Take<uint64_t>(),
                                          .stored_length = input.Take<uint16_t>() % (storage::kChunkSize + 1),
                                          .checksum = input.Take<uint64_t>()};
    const auto read = layer.ReadStored(location, std::span(out).first(location.stored_length));
    if (!read) RequireHonest(read.error());
  }
}

void Decompress(Input input) {
  std::vector<std::byte> out(storage::kChunkSize);
  const auto done = storage::DecompressChunk(input.Rest(), out);
  if (!done) return RequireHonest(done.error());
  std::vector<std::byte> again(storage::kMaxCompressedBytes);
  const uint32_t length = storage::CompressChunk(out, again);
  if (length == 0) return;
  std::vector<std::byte> back(storage::kChunkSize);
  Require(storage::DecompressChunk(std::span(again).first(length), back).has_value(), "no way back");
  Require(back == out, "a chunk changed on the way");
}

void Run(Input input) {
  const auto flags = input.Take<uint8_t>();
  testing::RecordingFileSystem fs;
  std::vector<std::byte> file;
  if ((flags & kWholeFileRaw) != 0) {
    file = input.TakeBytes(1 << 16);
  } else {
    storage::LayerTrailer trailer;
    const auto chunks = input.Take<uint64_t>();
    const auto data = input.TakeBytes(input.Take<uint16_t>() % kMaxData);
    file = BuildLayer(data, trailer, chunks);
  }
  if ((flags & kDamageAfterwards) != 0) Patch(file, input);
  const std::string path = "/" + kLayerId + ".layer";
  WriteFile(fs, path, file);
  if (const auto verified = storage::VerifyLayer(fs, path); !verified) RequireHonest(verified.error());
  const auto layer = storage::LayerReader::Open(fs, path);
  if (layer) {
    ReadAround(**layer, input);
  } else {
    RequireHonest(layer.error());
  }
  Decompress(input);
}

}  // namespace
}  // namespace spawnd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  spawnd::fuzz::Run({data, size});
  return 0;
}
