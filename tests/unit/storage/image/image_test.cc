#include "storage/image/image.h"

#include <atomic>
#include <thread>

#include "storage/image/image_files.h"
#include "storage/image/image_verify.h"
#include "tests/unit/storage/seal_test_volume.h"

namespace spawnd::storage {
namespace {

using namespace testing;

TEST_CASE("an image reads as the volume it was sealed from") {
  const ScratchDirectory directory;
  MemoryVolume volume(2000);
  volume.Put(0, MakeChunk(1));
  volume.Put(1, RawChunk(2));
  volume.Put(500, MakeChunk(3, 9000));
  volume.Put(1999, MakeChunk(4));
  const Sealed sealed = SealInto(directory, volume);
  const auto image = OpenImage(directory, sealed);
  CHECK(image->VolumeBytes() == volume.SizeBytes());
  CHECK(image->LayerIds() == std::vector<std::string>{sealed.layer_id});
  for (const int pass : {1, 2}) {  // the second pass finds what the cache has
    INFO("pass " << pass);
    for (uint64_t chunk = 0; chunk < 2000; ++chunk) {
      Bytes expected(kChunkSize);
      REQUIRE(volume.Read(chunk * kChunkSize, expected));
      REQUIRE(ChunkOf(*image, chunk) == expected);
    }
  }
  CHECK(image->Locate(1)->stored_length == kChunkSize);
  CHECK(image->Locate(2)->IsHole());
  CHECK(image->NextData(2).value() == 500);
  CHECK(image->NextData(501).value() == 1999);
  CHECK(VerifyImage(PosixFileSystem(), sealed.index_path, directory.Path()));
}

TEST_CASE("what cannot be read is refused") {
  const ScratchDirectory directory;
  MemoryVolume volume(10);
  volume.Put(0, MakeChunk(1));
  const auto image = OpenImage(directory, SealInto(directory, volume));
  Bytes out(kChunkSize);
  CHECK(image->ReadChunk(10, out).error().code == ErrorCode::kInvalidArgument);
  CHECK(image->ReadChunk(0, std::span(out).first(4096)).error().code == ErrorCode::kInvalidArgument);
}

TEST_CASE("an image whose layer is missing, cut, or another one, does not open") {
  const ScratchDirectory directory;
  MemoryVolume volume(10);
  volume.Put(0, MakeChunk(1));
  const Sealed sealed = SealInto(directory, volume);
  const std::string layer = LayerPath(directory.Path(), sealed.layer_id);
  const Bytes bytes = ReadFile(layer);

  SECTION("missing") {
    REQUIRE(PosixFileSystem().Remove(layer));
  }
  SECTION("cut") {
    WriteFile(layer, std::span(bytes).first(bytes.size() - 1));
  }
  SECTION("no trailer") {
    WriteFile(layer, std::span(bytes).first(bytes.size() - 56));
  }
  SECTION("another one, valid in itself") {
    volume.Put(0, MakeChunk(2));
    const Sealed other = SealInto(directory, volume);
    WriteFile(layer, ReadFile(LayerPath(directory.Path(), other.layer_id)));
  }
  const auto image = Image::Open(PosixFileSystem(), sealed.index_path, directory.Path());
  REQUIRE_FALSE(image);
  CHECK(image.error().code == ErrorCode::kCorrupt);
  CHECK(image.error().message.find(layer) != std::string::npos);
}

TEST_CASE("no flipped byte of a layer or an index ever turns into wrong data") {
  const ScratchDirectory directory;
  MemoryVolume volume(400);
  const std::vector<uint64_t> chunks{0, 1, 200, 399};
  for (const uint64_t chunk : chunks) volume.Put(chunk, MakeChunk(chunk));
  const Sealed sealed = SealInto(directory, volume);
  const std::string layer = LayerPath(directory.Path(), sealed.layer_id);

  Bytes out(kChunkSize);
  Bytes expected(kChunkSize);
  for (const std::string& path : {sealed.index_path, layer}) {
    const Bytes good = ReadFile(path);
    auto file = PosixFileSystem().Open(path, OpenMode::kReadWrite);
    REQUIRE(file);
    size_t found = 0;
    for (size_t at = 0; at < good.size(); ++at) {
      const std::byte bad = good[at] ^ static_cast<std::byte>(1 << at % 8);
      REQUIRE((*file)->WriteAt(at, {&bad, 1}));
      const auto image = Image::Open(PosixFileSystem(), sealed.index_path, directory.Path());
      bool damaged = !image;
      for (const uint64_t chunk : chunks) {
        if (!image) break;
        const auto read = (*image)->ReadChunk(chunk, out);
        damaged = damaged || !read;
        REQUIRE(volume.Read(chunk * kChunkSize, expected));
        if (read) REQUIRE(out == expected);
        if (!read) REQUIRE(read.error().code == ErrorCode::kCorrupt);
      }
      // What reading does not look at (header and segment table of a layer), verifying does.
      if (!damaged) damaged = !VerifyLayer(PosixFileSystem(), layer);
      REQUIRE(damaged);
      ++found;
      REQUIRE((*file)->WriteAt(at, std::span(good).subspan(at, 1)));
    }
    CHECK(found == good.size());
  }
  CHECK(VerifyImage(PosixFileSystem(), sealed.index_path, directory.Path()));
}

TEST_CASE("VerifyImage names the damaged chunk's bytes") {
  const ScratchDirectory directory;
  MemoryVolume volume(400);
  volume.Put(7, RawChunk(1));
  volume.Put(9, RawChunk(2));
  const Sealed sealed = SealInto(directory, volume);
  const std::string layer = LayerPath(directory.Path(), sealed.layer_id);
  Bytes bytes = ReadFile(layer);
  bytes[4096 + 16384 + 100] ^= std::byte{4};
  WriteFile(layer, bytes);
  const auto verified = VerifyImage(PosixFileSystem(), sealed.index_path, directory.Path());
  REQUIRE_FALSE(verified);
  CHECK(verified.error().code == ErrorCode::kCorrupt);
  CHECK(verified.error().message ==
        "layer '" + layer + "' is damaged at bytes 20480 to 36864: checksum mismatch");
}

TEST_CASE("many threads read one image at once") {
  const ScratchDirectory directory;
  constexpr uint64_t kChunks = 500;
  MemoryVolume volume(kChunks);
  for (uint64_t chunk = 0; chunk < kChunks; ++chunk) {
    if (chunk % 3 != 0) volume.Put(chunk, chunk % 5 == 0 ? RawChunk(chunk) : MakeChunk(chunk, 3000));
  }
  const auto image = OpenImage(directory, SealInto(directory, volume));
  std::atomic<uint64_t> wrong = 0;
  std::vector<std::thread> readers;
  for (uint64_t reader = 0; reader < 4; ++reader) {
    readers.emplace_back([&, reader] {
      std::mt19937_64 random(reader);
      Bytes out(kChunkSize);
      for (int i = 0; i < 3000; ++i) {
        const uint64_t chunk = random() % kChunks;
        const Bytes expected = chunk % 3 == 0   ? Bytes(kChunkSize)
                               : chunk % 5 == 0 ? RawChunk(chunk)
                                                : MakeChunk(chunk, 3000);
        if (!image->ReadChunk(chunk, out) || out != expected) ++wrong;
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace spawnd::storage
