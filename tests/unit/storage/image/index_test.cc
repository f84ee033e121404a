#include "storage/checksum.h"
#include "storage/image/index_reader.h"
#include "storage/image/index_writer.h"
#include "tests/unit/storage/seal_test_volume.h"

namespace spawnd::storage {
namespace {

using namespace testing;

const LayerReference kLayerA{.id = std::string(32, 'a'), .file_bytes = 5000, .trailer_checksum = 77};
const LayerReference kLayerB{.id = std::string(32, 'b'), .file_bytes = 6000, .trailer_checksum = 78};

ChunkLocation SomeLocation(uint64_t chunk) {
  return {.layer = static_cast<uint32_t>(chunk % 2),
          .offset = 4096 + chunk * 1000,
          .stored_length = static_cast<uint32_t>(1 + chunk % kChunkSize),
          .checksum = chunk * 0x9e3779b97f4a7c15};
}

bool Equal(const ChunkLocation& a, const ChunkLocation& b) {
  return a.layer == b.layer && a.offset == b.offset && a.stored_length == b.stored_length &&
         a.checksum == b.checksum;
}

void WriteIndex(const std::string& path, uint64_t volume_chunks, const std::vector<uint64_t>& chunks,
                uint64_t salt = 42) {
  auto writer = IndexWriter::Create(PosixFileSystem(), path,
                                    {.volume_bytes = volume_chunks * kChunkSize, .salt = salt});
  REQUIRE(writer);
  for (const uint64_t chunk : chunks) REQUIRE((*writer)->Add(chunk, SomeLocation(chunk)));
  const std::vector<LayerReference> layers{kLayerA, kLayerB};
  REQUIRE((*writer)->Finish(layers));
}

std::unique_ptr<IndexReader> OpenIndex(const std::string& path) {
  auto index = IndexReader::Open(PosixFileSystem(), path);
  if (!index) FAIL(index.error().message);
  return std::move(*index);
}

/// All chunks with data, found by walking; an error ends the walk.
Result<std::vector<uint64_t>> Walk(IndexReader& index) {
  std::vector<uint64_t> found;
  for (uint64_t chunk = 0;; ++chunk) {
    TRY_ASSIGN(chunk, index.NextData(chunk));
    if (chunk >= index.ChunkCount()) return found;
    found.push_back(chunk);
  }
}

TEST_CASE("an entry behind the end of the volume is not data of the volume") {
  const ScratchDirectory directory;
  const std::string path = directory / "x.index";
  WriteIndex(path, 100, {7, 130});
  const auto index = OpenIndex(path);
  const auto found = Walk(*index);
  REQUIRE(found);
  CHECK(*found == std::vector<uint64_t>{7});
  CHECK(index->NextData(8) == uint64_t{100});
}

TEST_CASE("an index gives back every location, and holes between them") {
  const ScratchDirectory directory;
  const std::string path = directory / "x.index";
  // First and last slot of a leaf, a leaf of holes between two stored ones, the last chunk of the volume.
  const std::vector<uint64_t> chunks{0, 1, 169, 170, 339, 680, 999};
  WriteIndex(path, 1000, chunks);
  const auto index = OpenIndex(path);
  CHECK(index->VolumeBytes() == 1000 * kChunkSize);
  CHECK(index->DataChunks() == chunks.size());
  REQUIRE(index->Layers().size() == 2);
  CHECK(index->Layers()[1].id == kLayerB.id);
  CHECK(index->Layers()[1].file_bytes == 6000);
  CHECK(index->Layers()[1].trailer_checksum == 78);
  for (uint64_t chunk = 0; chunk < 1000; ++chunk) {
    const bool data = std::ranges::count(chunks, chunk) == 1;
    const auto location = index->Locate(chunk);
    REQUIRE(location);
    REQUIRE(location->IsHole() == !data);
    if (data) REQUIRE(Equal(*location, SomeLocation(chunk)));
    const auto next = std::ranges::lower_bound(chunks, chunk);
    REQUIRE(index->NextData(chunk).value() == (next == chunks.end() ? 1000 : *next));
  }
  CHECK(index->NextData(1000).value() == 1000);
  CHECK(index->Locate(1000).error().code == ErrorCode::kInvalidArgument);
  CHECK(Walk(*index).value() == chunks);
}

TEST_CASE("more leaves than the cache holds are read again and again rightly") {
  const ScratchDirectory directory;
  const std::string path = directory / "x.index";
  std::vector<uint64_t> chunks;
  for (uint64_t leaf = 0; leaf < 300; ++leaf) chunks.push_back(leaf * kEntriesPerLeaf + leaf % 170);
  WriteIndex(path, 300 * kEntriesPerLeaf, chunks);
  const auto index = OpenIndex(path);
  for (int pass = 0; pass < 3; ++pass) {
    for (const uint64_t chunk : chunks) {
      const auto location = index->Locate(chunk);
      REQUIRE(location);
      REQUIRE(Equal(*location, SomeLocation(chunk)));
    }
  }
}

TEST_CASE("an index of holes only stores no leaf, whatever the size of the volume") {
  const ScratchDirectory directory;
  const std::string path = directory / "x.index";
  const uint64_t chunk_count = (uint64_t{64} << 30) / kChunkSize;
  WriteIndex(path, chunk_count, {});
  CHECK(ReadFile(path).size() == 4096 + 4 * ((chunk_count + 169) / 170) + 2 * 48 + 88);
  CHECK(OpenIndex(path)->NextData(0).value() == chunk_count);
}

TEST_CASE("every flipped byte of an index is found, at the latest by a walk") {
  const ScratchDirectory directory;
  const std::string path = directory / "x.index";
  const std::vector<uint64_t> chunks{3, 4, 700};
  WriteIndex(path, 1000, chunks);
  const Bytes good = ReadFile(path);
  CHECK(good.size() == 4096 + 2 * 4096 + 6 * 4 + 2 * 48 + 88);
  auto file = PosixFileSystem().Open(path, OpenMode::kReadWrite);
  REQUIRE(file);
  for (size_t at = 0; at < good.size(); ++at) {
    const std::byte bad = good[at] ^ static_cast<std::byte>(1 << at % 8);
    REQUIRE((*file)->WriteAt(at, {&bad, 1}));
    auto index = IndexReader::Open(PosixFileSystem(), path);
    if (index) {
      const auto walked = Walk(**index);
      REQUIRE_FALSE(walked);
      REQUIRE(walked.error().code == ErrorCode::kCorrupt);
      REQUIRE(walked.error().message.find(path) != std::string::npos);
    } else {
      REQUIRE(index.error().code == ErrorCode::kCorrupt);
    }
    REQUIRE((*file)->WriteAt(at, std::span(good).subspan(at, 1)));
  }
  CHECK(Walk(*OpenIndex(path)).value() == chunks);
}

TEST_CASE("an index that was cut at any length is no index") {
  const ScratchDirectory directory;
  const std::string path = directory / "x.index";
  WriteIndex(path, 1000, {3, 700});
  const Bytes good = ReadFile(path);
  for (size_t length = 0; length < good.size(); length += length < good.size() - 300 ? 97 : 1) {
    WriteFile(path, std::span(good).first(length));
    const auto index = IndexReader::Open(PosixFileSystem(), path);
    REQUIRE_FALSE(index);
    REQUIRE(index.error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("two leaves that changed places, and a leaf of another index, are found") {
  const ScratchDirectory directory;
  const std::string path = directory / "x.index";
  WriteIndex(path, 1000, {3, 700});
  Bytes bytes = ReadFile(path);
  SECTION("changed places") {
    std::swap_ranges(bytes.begin() + 4096, bytes.begin() + 8192, bytes.begin() + 8192);
  }
  SECTION("another index's leaf") {
    WriteIndex(directory / "y.index", 1000, {3, 700}, 43);
    const Bytes other = ReadFile(directory / "y.index");
    std::copy_n(other.begin() + 4096, 4096, bytes.begin() + 4096);
  }
  WriteFile(path, bytes);
  const auto index = OpenIndex(path);
  const auto location = index->Locate(3);
  REQUIRE_FALSE(location);
  CHECK(location.error().code == ErrorCode::kCorrupt);
  CHECK(location.error().message ==
        "index '" + path + "' is damaged at bytes 4096 to 8192: checksum mismatch of a leaf");
}

TEST_CASE("an index of a newer format is unsupported, not damaged") {
  const ScratchDirectory directory;
  const std::string path = directory / "x.index";
  WriteIndex(path, 1000, {3});
  Bytes bytes = ReadFile(path);
  SECTION("an incompatible feature") {
    bytes[24] = std::byte{1};
    FinishHeader(std::span(bytes).first(kHeaderBytes));
    WriteFile(path, bytes);
    CHECK(IndexReader::Open(PosixFileSystem(), path).error().code == ErrorCode::kUnsupported);
  }
  SECTION("a layer is not an index") {
    bytes[5] ^= std::byte{0x20};
    FinishHeader(std::span(bytes).first(kHeaderBytes));
    WriteFile(path, bytes);
    CHECK(IndexReader::Open(PosixFileSystem(), path).error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("an index that is not there is not found") {
  const ScratchDirectory directory;
  CHECK(IndexReader::Open(PosixFileSystem(), directory / "no.index").error().code == ErrorCode::kNotFound);
}

TEST_CASE("the bytes of an index stand where docs/store-format.md says") {
  const ScratchDirectory directory;
  const std::string path = directory / "x.index";
  WriteIndex(path, 1000, {3, 701});
  const Bytes file = ReadFile(path);
  const std::span<const std::byte> bytes(file);
  const auto text = [&](size_t at, size_t length) {
    return std::string(reinterpret_cast<const char*>(bytes.data()) + at, length);
  };
  CHECK(text(0, 8) == "SPWNINDX");
  CHECK(GetU64(bytes, 32) == 1000 * 16384);
  CHECK(GetU64(bytes, 40) == 42);
  CHECK(GetU64(bytes, 4088) == Checksum(bytes.first(4088)));
  // Chunk 701 is slot 21 of leaf 4, the second that is stored.
  const std::span<const std::byte> leaf = bytes.subspan(2 * 4096, 4096);
  const std::span<const std::byte> entry = leaf.subspan(size_t{21} * 24, 24);
  CHECK(GetU64(entry, 0) == SomeLocation(701).offset);
  CHECK(GetU32(entry, 8) == 1);
  CHECK(GetU16(entry, 12) == 702);
  CHECK(GetU16(entry, 14) == 0);
  CHECK(GetU64(entry, 16) == SomeLocation(701).checksum);
  CHECK(GetU64(leaf, 4088) == Checksum(leaf.first(4088), 42 ^ 4));
  const size_t directory_at = size_t{3} * 4096;
  const std::vector<uint32_t> positions{1, 0, 0, 0, 2, 0};
  for (size_t i = 0; i < 6; ++i) CHECK(GetU32(bytes, directory_at + 4 * i) == positions[i]);
  const size_t layers_at = directory_at + size_t{6} * 4;
  CHECK(text(layers_at + 48, 32) == kLayerB.id);
  CHECK(GetU64(bytes, layers_at + 48 + 32) == 6000);
  CHECK(GetU64(bytes, layers_at + 48 + 40) == 78);
  const std::span<const std::byte> trailer = bytes.subspan(layers_at + 96);
  REQUIRE(trailer.size() == 88);
  CHECK(text(layers_at + 96, 8) == "SPWNIEND");
  const std::vector<uint64_t> numbers{2, 6, 2, 2, bytes.size(), GetU64(bytes, 4088)};
  for (size_t i = 0; i < numbers.size(); ++i) CHECK(GetU64(trailer, 8 + 8 * i) == numbers[i]);
  CHECK(GetU64(trailer, 56) == Checksum(bytes.subspan(directory_at, 24)));
  CHECK(GetU64(trailer, 64) == Checksum(bytes.subspan(layers_at, 96)));
  CHECK(GetU64(trailer, 72) == 0);
  CHECK(GetU64(trailer, 80) == Checksum(trailer.first(80)));
}

}  // namespace
}  // namespace spawnd::storage
