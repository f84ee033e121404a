#include "storage/checksum.h"
#include "storage/image/image_verify.h"
#include "storage/image/layer_reader.h"
#include "storage/image/layer_writer.h"
#include "tests/unit/storage/seal_test_volume.h"

namespace spawnd::storage {
namespace {

using namespace testing;

const std::string kId = "0123456789abcdef0123456789abcdef";

ChunkLocation LocationOf(uint64_t offset, std::span<const std::byte> stored) {
  return {.layer = 0,
          .offset = offset,
          .stored_length = static_cast<uint32_t>(stored.size()),
          .checksum = Checksum(stored)};
}

/// A layer of the given stored chunks; returns where each one is.
std::vector<ChunkLocation> WriteLayer(const std::string& path, const std::vector<Bytes>& chunks) {
  auto writer = LayerWriter::Create(PosixFileSystem(), path, kId);
  REQUIRE(writer);
  std::vector<ChunkLocation> locations;
  for (const Bytes& stored : chunks) {
    const auto offset = (*writer)->Append(stored);
    REQUIRE(offset);
    locations.push_back(LocationOf(*offset, stored));
  }
  const auto trailer = (*writer)->Finish();
  REQUIRE(trailer);
  CHECK(trailer->chunk_count == chunks.size());
  return locations;
}

TEST_CASE("a layer gives back each stored chunk, over several segments and write batches") {
  const ScratchDirectory directory;
  const std::string path = LayerPath(directory.Path(), kId);
  std::vector<Bytes> chunks;
  for (uint64_t i = 0; i < 800; ++i) chunks.push_back(MakeChunk(i, 100));
  for (uint64_t i = 0; i < 800; ++i) chunks[i].resize(1 + i * 20);  // up to 16 KB, 6.4 MB in all
  const auto locations = WriteLayer(path, chunks);
  REQUIRE(locations.back().offset > kHeaderBytes + kSegmentBytes);
  CHECK(VerifyLayer(PosixFileSystem(), path));

  auto layer = LayerReader::Open(PosixFileSystem(), path);
  REQUIRE(layer);
  CHECK((*layer)->Trailer().SegmentCount() == 2);
  for (size_t i = 0; i < chunks.size(); ++i) {
    Bytes back(chunks[i].size());
    REQUIRE((*layer)->ReadStored(locations[i], back));
    REQUIRE(back == chunks[i]);
  }
}

TEST_CASE("a layer whose data ends exactly with a segment") {
  const ScratchDirectory directory;
  const std::string path = LayerPath(directory.Path(), kId);
  WriteLayer(path, std::vector<Bytes>(kSegmentBytes / kChunkSize, RawChunk(1)));
  CHECK(ReadFile(path).size() == kHeaderBytes + kSegmentBytes + 8 + kLayerTrailerBytes);
  CHECK(VerifyLayer(PosixFileSystem(), path));
}

TEST_CASE("every flipped byte of a layer is found without any index") {
  const ScratchDirectory directory;
  const std::string path = LayerPath(directory.Path(), kId);
  WriteLayer(path, {RawChunk(1), Bytes(300, std::byte{7})});
  const Bytes good = ReadFile(path);
  auto file = PosixFileSystem().Open(path, OpenMode::kReadWrite);
  REQUIRE(file);
  for (size_t at = 0; at < good.size(); ++at) {
    const std::byte bad = good[at] ^ static_cast<std::byte>(1 << at % 8);
    REQUIRE((*file)->WriteAt(at, {&bad, 1}));
    const auto verified = VerifyLayer(PosixFileSystem(), path);
    REQUIRE_FALSE(verified);
    REQUIRE(verified.error().code == ErrorCode::kCorrupt);
    REQUIRE(verified.error().message.find(path) != std::string::npos);
    REQUIRE((*file)->WriteAt(at, std::span(good).subspan(at, 1)));
  }
  CHECK(VerifyLayer(PosixFileSystem(), path));
}

TEST_CASE("a layer that was cut at any length, or has bytes behind its end, is no layer") {
  const ScratchDirectory directory;
  const std::string path = LayerPath(directory.Path(), kId);
  WriteLayer(path, {MakeChunk(1), Bytes(300, std::byte{7})});
  Bytes good = ReadFile(path);
  for (size_t length = 0; length < good.size(); length += length < good.size() - 100 ? 97 : 1) {
    WriteFile(path, std::span(good).first(length));
    const auto layer = LayerReader::Open(PosixFileSystem(), path);
    REQUIRE_FALSE(layer);
    REQUIRE(layer.error().code == ErrorCode::kCorrupt);
  }
  good.push_back(std::byte{0});
  WriteFile(path, good);
  CHECK_FALSE(LayerReader::Open(PosixFileSystem(), path));
}

TEST_CASE("damage is named by file and byte range") {
  const ScratchDirectory directory;
  const std::string path = LayerPath(directory.Path(), kId);
  const auto locations = WriteLayer(path, {MakeChunk(1), MakeChunk(2)});
  Bytes bytes = ReadFile(path);
  bytes[locations[1].offset + 5] ^= std::byte{1};
  WriteFile(path, bytes);

  auto layer = LayerReader::Open(PosixFileSystem(), path);
  REQUIRE(layer);
  Bytes out(kChunkSize);
  CHECK((*layer)->ReadStored(locations[0], out));
  const auto read = (*layer)->ReadStored(locations[1], out);
  REQUIRE_FALSE(read);
  CHECK(read.error().code == ErrorCode::kCorrupt);
  CHECK(read.error().message == "layer '" + path + "' is damaged at bytes 20480 to 36864: checksum mismatch");
  CHECK(VerifyLayer(PosixFileSystem(), path).error().message ==
        "layer '" + path + "' is damaged at bytes 4096 to 36864: checksum mismatch of a segment");
}

TEST_CASE("a location outside of the layer's data is refused, whatever is there") {
  const ScratchDirectory directory;
  const std::string path = LayerPath(directory.Path(), kId);
  WriteLayer(path, {RawChunk(1)});
  const Bytes bytes = ReadFile(path);
  auto layer = LayerReader::Open(PosixFileSystem(), path);
  REQUIRE(layer);
  Bytes out(8);
  for (const uint64_t offset : {uint64_t{0}, uint64_t{4095}, uint64_t{4096 + 16384 - 7}, UINT64_MAX - 3}) {
    ChunkLocation location{.layer = 0, .offset = offset, .stored_length = 8, .checksum = 0};
    if (offset + 8 <= bytes.size()) location.checksum = Checksum(std::span(bytes).subspan(offset, 8));
    const auto read = (*layer)->ReadStored(location, out);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("a layer under another layer's name is found") {
  const ScratchDirectory directory;
  const std::string other = LayerPath(directory.Path(), "ffffffffffffffffffffffffffffffff");
  WriteLayer(other, {RawChunk(1)});
  const auto verified = VerifyLayer(PosixFileSystem(), other);
  REQUIRE_FALSE(verified);
  CHECK(verified.error().code == ErrorCode::kCorrupt);
}

TEST_CASE("a layer of a newer format is unsupported, not damaged") {
  const ScratchDirectory directory;
  const std::string path = LayerPath(directory.Path(), kId);
  WriteLayer(path, {RawChunk(1)});
  Bytes bytes = ReadFile(path);
  SECTION("version") {
    bytes[8] = std::byte{2};
  }
  SECTION("incompatible feature") {
    bytes[31] = std::byte{0x80};
  }
  FinishHeader(std::span(bytes).first(kHeaderBytes));
  WriteFile(path, bytes);
  CHECK(VerifyLayer(PosixFileSystem(), path).error().code == ErrorCode::kUnsupported);
}

TEST_CASE("the bytes of a layer stand where docs/store-format.md says") {
  const ScratchDirectory directory;
  const std::string path = LayerPath(directory.Path(), kId);
  WriteLayer(path, {Bytes(300, std::byte{7}), RawChunk(1)});
  const Bytes file = ReadFile(path);
  const std::span<const std::byte> bytes(file);
  const auto text = [&](size_t at, size_t length) {
    return std::string(reinterpret_cast<const char*>(bytes.data()) + at, length);
  };
  CHECK(text(0, 8) == "SPWNLAYR");
  CHECK(GetU32(bytes, 8) == 1);
  CHECK(GetU32(bytes, 12) == 16384);
  CHECK(GetU64(bytes, 16) == 0);
  CHECK(GetU64(bytes, 24) == 0);
  CHECK(text(32, 32) == kId);
  CHECK(GetU64(bytes, 4088) == Checksum(bytes.first(4088)));
  const size_t table = 4096 + 300 + 16384;
  CHECK(GetU64(bytes, table) == Checksum(bytes.subspan(4096, 300 + 16384), 0));
  const std::span<const std::byte> trailer = bytes.subspan(table + 8);
  REQUIRE(trailer.size() == 56);
  CHECK(text(table + 8, 8) == "SPWNLEND");
  CHECK(GetU64(trailer, 8) == 2);
  CHECK(GetU64(trailer, 16) == 300 + 16384);
  CHECK(GetU64(trailer, 24) == bytes.size());
  CHECK(GetU64(trailer, 32) == GetU64(bytes, 4088));
  CHECK(GetU64(trailer, 40) == Checksum(bytes.subspan(table, 8)));
  CHECK(GetU64(trailer, 48) == Checksum(trailer.first(48)));
}

}  // namespace
}  // namespace spawnd::storage
