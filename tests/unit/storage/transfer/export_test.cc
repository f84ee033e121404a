#include <filesystem>

#include "storage/checksum.h"
#include "storage/image/index_writer.h"
#include "storage/image/layer_writer.h"
#include "storage/transfer/image_export.h"
#include "storage/transfer/import_check.h"
#include "storage/transfer/import_receiver.h"
#include "tests/unit/storage/seal_test_volume.h"

namespace spawnd::storage {
namespace {

using namespace testing;

std::unique_ptr<ImageExport> OpenExport(const ScratchDirectory& directory, const Sealed& sealed) {
  auto image = ImageExport::Open(PosixFileSystem(), sealed.index_path, directory.Path(), R"({"name":"x"})");
  if (!image) FAIL(image.error().message);
  return std::move(*image);
}

Bytes ExportFrom(ImageExport& image, uint64_t from) {
  Bytes file;
  const auto written = image.Write(from, [&file](std::span<const std::byte> bytes) -> Result<void> {
    file.insert(file.end(), bytes.begin(), bytes.end());
    return {};
  });
  if (!written) FAIL(written.error().message);
  return file;
}

size_t HeadBytes(const Bytes& file) {
  return ExportHeadBytes(file).value();
}

/// Gives the whole file to a folder, in pieces of `piece` bytes.
Result<void> Receive(const std::string& folder, std::span<const std::byte> file, size_t piece) {
  TRY_ASSIGN(const size_t head, ExportHeadBytes(file));
  if (file.size() < head) return Fail(ErrorCode::kCorrupt, "cut in its head");
  TRY_ASSIGN(const auto receiver, ImportReceiver::Begin(PosixFileSystem(), folder, file.first(head)));
  for (size_t at = receiver->Offset(); at < file.size(); at += piece) {
    TRY(receiver->Append(file.subspan(at, std::min(piece, file.size() - at))));
  }
  if (!receiver->Complete()) return Fail(ErrorCode::kCorrupt, "not complete");
  return {};
}

Result<ImportedImage> Check(const std::string& folder) {
  TRY_ASSIGN(const auto receiver, ImportReceiver::Continue(PosixFileSystem(), folder));
  return CheckImport(PosixFileSystem(), folder, receiver->Head(), [](uint64_t) { return true; });
}

Result<ImportedImage> Import(const std::string& folder, std::span<const std::byte> file,
                             size_t piece = 100'000) {
  TRY(Receive(folder, file, piece));
  return Check(folder);
}

/// A base with `chunks` chunks and a volume above it that changes one of them.
struct Pair {
  explicit Pair(const ScratchDirectory& directory, uint64_t chunks = 300) {
    MemoryVolume first(100'000);
    for (uint64_t i = 0; i < chunks; ++i) first.Put(i * 7, MakeChunk(i, 9000));
    base = SealInto(directory, first);
    MemoryVolume second(100'000, OpenImage(directory, base));
    second.Put(7, MakeChunk(1'000'000));
    second.Put(99'999, MakeChunk(1'000'001));
    above = SealInto(directory, second);
  }
  Sealed base;
  Sealed above;
};

TEST_CASE("an image that has its layers to itself is exported as it is, and comes back so") {
  const ScratchDirectory directory;
  const Pair pair(directory);
  const auto image = OpenExport(directory, pair.base);
  const Bytes file = ExportFrom(*image, 0);
  CHECK(file.size() == image->FileBytes());
  const ScratchDirectory other;
  const auto imported = Import(other / "in", file);
  if (!imported) FAIL(imported.error().message);
  CHECK(imported->data_bytes == 300 * kChunkSize);
  CHECK(imported->volume_bytes == 100'000 * kChunkSize);
  CHECK(ReadFile(other / "in/image.index") == ReadFile(pair.base.index_path));
  CHECK(ReadFile(LayerPath(other / "in", pair.base.layer_id)) ==
        ReadFile(LayerPath(directory.Path(), pair.base.layer_id)));
}

TEST_CASE("what an image does not use of a layer does not leave with it") {
  const ScratchDirectory directory;
  const Pair pair(directory);
  const auto image = OpenExport(directory, pair.above);
  const Bytes file = ExportFrom(*image, 0);
  CHECK(file.size() == image->FileBytes());
  const Bytes hidden = MakeChunk(1, 9000);  // that chunk 7 was before it was changed
  const auto found = std::search(file.begin(), file.end(), hidden.begin(), hidden.begin() + 4000);
  CHECK(found == file.end());

  const ScratchDirectory other;
  const auto imported = Import(other / "in", file);
  if (!imported) FAIL(imported.error().message);
  CHECK(std::filesystem::exists(LayerPath(other / "in", pair.above.layer_id)));
  CHECK_FALSE(std::filesystem::exists(LayerPath(other / "in", pair.base.layer_id)));
  const auto before = OpenImage(directory, pair.above);
  const auto after = Image::Open(PosixFileSystem(), other / "in/image.index", other / "in");
  REQUIRE(after);
  for (uint64_t chunk : {0, 7, 14, 21, 299 * 7, 99'999, 5}) {
    CHECK(ChunkOf(*before, chunk) == ChunkOf(**after, chunk));
  }
  SECTION("and from there it goes on as the same bytes") {
    const auto again =
        ImageExport::Open(PosixFileSystem(), other / "in/image.index", other / "in", R"({"name":"x"})");
    REQUIRE(again);
    CHECK(ExportFrom(**again, 0) == file);
  }
}

TEST_CASE("an export is the same each time, and goes on from any byte") {
  const ScratchDirectory directory;
  const Pair pair(directory);
  for (const Sealed* sealed : {&pair.base, &pair.above}) {
    const Bytes file = ExportFrom(*OpenExport(directory, *sealed), 0);
    std::vector<size_t> places{
        0, 1, 63, 64, 100, HeadBytes(file) - 1, file.size() - 1, file.size() - 40, file.size()};
    for (size_t at = HeadBytes(file); at < file.size(); at += 99'991) places.push_back(at);
    for (size_t frame = 0; frame < 3; ++frame) {
      for (size_t around = 0; around < 20; ++around) {
        places.push_back(HeadBytes(file) + frame * (kFrameBytes + kFrameHeaderBytes) + around);
      }
    }
    for (const size_t from : places) {
      const auto image = OpenExport(directory, *sealed);
      const Bytes rest = ExportFrom(*image, from);
      REQUIRE(rest.size() == file.size() - from);
      REQUIRE(std::equal(rest.begin(), rest.end(), file.begin() + static_cast<ptrdiff_t>(from)));
    }
  }
}

TEST_CASE("every flipped byte of an export is found, and what was right before it is kept") {
  const ScratchDirectory directory;
  const Pair pair(directory, 3);
  const Bytes good = ExportFrom(*OpenExport(directory, pair.above), 0);
  for (size_t at = 0; at < good.size(); at += at < 2000 || at > good.size() - 200 ? 1 : 37) {
    Bytes bad = good;
    bad[at] ^= static_cast<std::byte>(1 << at % 8);
    const ScratchDirectory other;
    const auto imported = Import(other / "in", bad);
    REQUIRE_FALSE(imported);
  }
}

TEST_CASE("a file that is cut is not complete, and goes on when the whole one is given") {
  const ScratchDirectory directory;
  const Pair pair(directory);
  const Bytes file = ExportFrom(*OpenExport(directory, pair.above), 0);
  for (size_t cut = HeadBytes(file); cut < file.size(); cut += 300'007) {
    const ScratchDirectory other;
    const std::string folder = other / "in";
    REQUIRE_FALSE(Receive(folder, std::span(file).first(cut), 70'000));
    const auto receiver =
        ImportReceiver::Begin(PosixFileSystem(), folder, std::span(file).first(HeadBytes(file)));
    REQUIRE(receiver);
    // Less than one frame of what came is asked for again.
    CHECK((*receiver)->Offset() <= cut);
    CHECK((*receiver)->Offset() + kFrameBytes + kFrameHeaderBytes > cut);
    REQUIRE(Import(folder, file));
  }
}

TEST_CASE("something behind the end is refused") {
  const ScratchDirectory directory;
  const Pair pair(directory, 3);
  Bytes file = ExportFrom(*OpenExport(directory, pair.base), 0);
  file.push_back(std::byte{0});
  const ScratchDirectory other;
  const auto imported = Import(other / "in", file);
  REQUIRE_FALSE(imported);
  CHECK(imported.error().code == ErrorCode::kCorrupt);
}

TEST_CASE("another file's beginning does not go on with what is there") {
  const ScratchDirectory directory;
  const Pair pair(directory, 3);
  const Bytes one = ExportFrom(*OpenExport(directory, pair.base), 0);
  const Bytes two = ExportFrom(*OpenExport(directory, pair.above), 0);
  const ScratchDirectory other;
  const std::string folder = other / "in";
  REQUIRE(Receive(folder, one, 1000));
  REQUIRE(Import(folder, two));
}

/// A file whose parts are right in all that a checksum says, and the author's own.
Bytes FileOf(const std::vector<std::pair<std::string, Bytes>>& parts) {
  ExportHead head;
  head.description = "{}";
  for (const auto& [id, bytes] : parts) head.parts.push_back({id, bytes.size()});
  Bytes file = EncodeExportHead(head).value();
  FramePlace place = FirstFrame(head);
  for (const auto& [id, bytes] : parts) {
    for (size_t at = 0; at < bytes.size(); at += kFrameBytes) {
      const auto payload = std::span(bytes).subspan(at, FrameLength(head, place));
      const auto header = EncodeFrameHeader(head, place, payload);
      file.insert(file.end(), header.begin(), header.end());
      file.insert(file.end(), payload.begin(), payload.end());
      place = NextFrame(head, place);
    }
  }
  const auto trailer = EncodeExportTrailer(head);
  file.insert(file.end(), trailer.begin(), trailer.end());
  return file;
}

/// An index of one layer whose chunks stand where `locations` says.
Bytes IndexOf(const ScratchDirectory& directory, const LayerReference& layer,
              const std::vector<ChunkLocation>& locations) {
  const std::string path = directory / (RandomId() + ".index");
  auto writer = IndexWriter::Create(PosixFileSystem(), path, {uint64_t{1} << 30U, 77});
  REQUIRE(writer);
  uint64_t chunk = 0;
  for (const ChunkLocation& location : locations) REQUIRE((*writer)->Add(chunk++, location));
  REQUIRE((*writer)->Finish(std::vector<LayerReference>{layer}));
  return ReadFile(path);
}

TEST_CASE("an index that does not use each layer whole, once and in order is refused") {
  const ScratchDirectory directory;
  const std::string id = RandomId();
  const std::string path = LayerPath(directory.Path(), id);
  std::vector<ChunkLocation> right;
  auto writer = LayerWriter::Create(PosixFileSystem(), path, id);
  REQUIRE(writer);
  for (uint64_t i = 0; i < 5; ++i) {
    const Bytes chunk = RawChunk(i);
    right.push_back({.layer = 0,
                     .offset = (*writer)->Append(chunk).value(),
                     .stored_length = kChunkSize,
                     .checksum = Checksum(chunk)});
  }
  const auto trailer = (*writer)->Finish();
  REQUIRE(trailer);
  const Bytes layer = ReadFile(path);
  const LayerReference reference{id, layer.size(), trailer->checksum};
  const auto import = [&](const std::vector<ChunkLocation>& locations, const LayerReference& named) {
    const ScratchDirectory other;
    return Import(other / "in", FileOf({{id, layer}, {"", IndexOf(directory, named, locations)}}));
  };
  REQUIRE(import(right, reference));

  SECTION("one chunk many times: a bomb") {
    auto bomb = right;
    bomb.insert(bomb.end(), 1000, right[0]);
    CHECK_FALSE(import(bomb, reference));
  }
  SECTION("the same chunk five times") {
    CHECK_FALSE(import(std::vector<ChunkLocation>(5, right[0]), reference));
  }
  SECTION("a chunk that nobody uses") {
    CHECK_FALSE(import({right.begin(), right.end() - 1}, reference));
  }
  SECTION("another order") {
    auto swapped = right;
    std::swap(swapped[0], swapped[1]);
    CHECK_FALSE(import(swapped, reference));
  }
  SECTION("outside of the layer") {
    auto outside = right;
    outside.back().offset = uint64_t{1} << 50U;
    CHECK_FALSE(import(outside, reference));
  }
  SECTION("a layer that is not in the file") {
    CHECK_FALSE(import(right, {RandomId(), layer.size(), trailer->checksum}));
  }
  SECTION("a layer of another trailer") {
    CHECK_FALSE(import(right, {id, layer.size(), trailer->checksum + 1}));
  }
  SECTION("the layer under another id") {
    const std::string renamed = RandomId();
    const ScratchDirectory other;
    const Bytes index = IndexOf(directory, {renamed, layer.size(), trailer->checksum}, right);
    CHECK_FALSE(Import(other / "in", FileOf({{renamed, layer}, {"", index}})));
  }
  SECTION("a layer that the index does not speak of") {
    const std::string second = RandomId();
    const ScratchDirectory other;
    const Bytes index = IndexOf(directory, reference, right);
    CHECK_FALSE(Import(other / "in", FileOf({{id, layer}, {second, layer}, {"", index}})));
  }
  SECTION("a chunk whose bytes are not those that the index says") {
    auto wrong = right;
    wrong[2].checksum ^= 1;
    CHECK_FALSE(import(wrong, reference));
  }
}

TEST_CASE("heads that no export has") {
  const std::string id(32, 'a');
  const auto decode = [](ExportHead head, const std::function<void(Bytes&)>& change = {}) {
    auto bytes = EncodeExportHead(head);
    REQUIRE(bytes);
    if (change) change(*bytes);
    PutU64(*bytes, 56, Checksum(std::span(*bytes).first(56)));
    PutU64(*bytes, bytes->size() - 8, Checksum(std::span(*bytes).first(bytes->size() - 8)));
    return DecodeExportHead(*bytes);
  };
  const ExportHead good{.description = "{}", .parts = {{id, 5000}, {"", 5000}}};
  REQUIRE(decode(good));
  const size_t parts_at = kExportHeaderBytes + 2;
  SECTION("a newer version") {
    const auto decoded = decode(good, [](Bytes& bytes) { PutU32(bytes, 8, 2); });
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().code == ErrorCode::kUnsupported);
  }
  SECTION("a feature that is not known") {
    const auto decoded = decode(good, [](Bytes& bytes) { PutU64(bytes, 24, 1); });
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().code == ErrorCode::kUnsupported);
  }
  SECTION("an absurd size") {
    for (const uint64_t bytes : {uint64_t{0}, uint64_t{100}, ~uint64_t{0}, uint64_t{1} << 60U}) {
      CHECK_FALSE(decode(good, [&](Bytes& head) { PutU64(head, parts_at + 32, bytes); }));
    }
  }
  SECTION("a length that is not the parts'") {
    CHECK_FALSE(decode(good, [](Bytes& bytes) { PutU64(bytes, 40, 1); }));
  }
  SECTION("a layer id that is a path") {
    CHECK_FALSE(decode(good, [&](Bytes& bytes) { bytes[parts_at] = std::byte{'/'}; }));
  }
  SECTION("a layer twice") {
    ExportHead twice{.description = "{}", .parts = {{id, 5000}, {id, 5000}, {"", 5000}}};
    CHECK_FALSE(EncodeExportHead(twice));
  }
  SECTION("no index, or two") {
    ExportHead none{.description = "{}", .parts = {{id, 5000}}};
    CHECK_FALSE(EncodeExportHead(none));
    ExportHead two{.description = "{}", .parts = {{"", 5000}, {"", 5000}}};
    CHECK_FALSE(EncodeExportHead(two));
  }
  SECTION("a description without end") {
    CHECK_FALSE(decode(good, [](Bytes& bytes) { PutU32(bytes, 32, ~0U); }));
  }
  SECTION("something else altogether") {
    const auto decoded = ExportHeadBytes(Bytes(100, std::byte{'P'}));
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().code == ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace spawnd::storage
