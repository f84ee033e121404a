/// Every byte of every kind of file with a checksum, flipped: it is found, the file is named, and nobody ever
/// reads anything but what was written.
#include "storage/delta/delta_verify.h"
#include "storage/image/image_verify.h"
#include "tests/unit/storage/seal_test_volume.h"

namespace spawnd::storage {
namespace {

using testing::Bytes;
using testing::MakeChunk;
using testing::MemoryVolume;
using testing::OpenImage;
using testing::ReadFile;
using testing::Sealed;
using testing::SealInto;
using testing::WriteFile;

constexpr uint64_t kChunks = 6;

/// Which bits of a byte: one alone, all, and one that keeps small numbers plausible.
constexpr std::array<uint8_t, 3> kFlips{0x01, 0xFF, 0x10};

class Flipped {
 public:
  Flipped(const std::string& path, uint64_t at, uint8_t bits) : path_(path), at_(at), bits_(bits) { Flip(); }
  ~Flipped() { Flip(); }

 private:
  void Flip() const {
    auto file = PosixFileSystem().Open(path_, OpenMode::kReadWrite);
    REQUIRE(file);
    std::array<std::byte, 1> byte{};
    REQUIRE((*file)->ReadAt(at_, byte).value() == 1);
    byte[0] ^= std::byte{bits_};
    REQUIRE((*file)->WriteAt(at_, byte));
  }
  std::string path_;
  uint64_t at_;
  uint8_t bits_;
};

struct SealedImage {
  SealedImage() {
    MemoryVolume volume(kChunks);
    for (const uint64_t chunk : {0, 1, 4}) {
      content[chunk] = MakeChunk(chunk + 1, chunk == 1 ? kChunkSize : 100);
      volume.Put(chunk, content[chunk]);
    }
    sealed = SealInto(directory, volume);
  }

  /// True when something was read; whatever was read is right.
  bool ReadsRight() const {
    auto image = Image::Open(PosixFileSystem(), sealed.index_path, directory.Path());
    if (!image) return false;
    bool all = true;
    for (uint64_t chunk = 0; chunk < kChunks; ++chunk) {
      Bytes bytes(kChunkSize, std::byte{0x77});
      const auto read = (*image)->ReadChunk(chunk, bytes);
      all = all && read.has_value();
      if (read && bytes != content[chunk]) FAIL("chunk " << chunk << " reads wrong");
    }
    return all;
  }

  ScratchDirectory directory;
  std::array<Bytes, kChunks> content{Bytes(kChunkSize), Bytes(kChunkSize), Bytes(kChunkSize),
                                     Bytes(kChunkSize), Bytes(kChunkSize), Bytes(kChunkSize)};
  Sealed sealed;
};

TEST_CASE("bit flips: a layer") {
  const SealedImage image;
  const std::string path = image.directory / (image.sealed.layer_id + ".layer");
  REQUIRE(VerifyLayer(PosixFileSystem(), path));
  REQUIRE(image.ReadsRight());
  const uint64_t size = ReadFile(path).size();
  for (uint64_t at = 0; at < size; ++at) {
    const Flipped flipped(path, at, kFlips[at % kFlips.size()]);
    const auto verified = VerifyLayer(PosixFileSystem(), path);
    if (verified) FAIL("byte " << at << " of the layer is not missed");
    if (verified.error().message.find(path) == std::string::npos) FAIL(verified.error().message);
    image.ReadsRight();
  }
  REQUIRE(VerifyLayer(PosixFileSystem(), path));
}

TEST_CASE("bit flips: an index") {
  const SealedImage image;
  const std::string& path = image.sealed.index_path;
  REQUIRE(VerifyImage(PosixFileSystem(), path, image.directory.Path()));
  const uint64_t size = ReadFile(path).size();
  for (uint64_t at = 0; at < size; ++at) {
    const Flipped flipped(path, at, kFlips[at % kFlips.size()]);
    const auto verified = VerifyImage(PosixFileSystem(), path, image.directory.Path());
    if (verified) FAIL("byte " << at << " of the index is not missed");
    if (verified.error().message.find(path) == std::string::npos) FAIL(verified.error().message);
    if (image.ReadsRight()) FAIL("byte " << at << ": an image that is damaged reads as if it were not");
  }
}

constexpr uint64_t kVolumeBytes = 1 << 20;
constexpr const char* kBoot = "5b7d8f6e-1111-4222-8333-944455556666";

VolumeOptions Options(const ScratchDirectory& directory, const char* boot_id = kBoot,
                      Durability durability = Durability::kEverySecond) {
  return {.directory = directory.Path(),
          .volume_bytes = kVolumeBytes,
          .durability = durability,
          .image = nullptr,
          .boot_id = boot_id};
}

/// Epochs with one block each, and a revision among them; what was not committed at the end too.
void Fill(const ScratchDirectory& directory, Durability durability = Durability::kEverySecond) {
  auto volume = Volume::Open(PosixFileSystem(), Options(directory, kBoot, durability));
  REQUIRE(volume);
  for (uint64_t epoch = 1; epoch <= 5; ++epoch) {
    for (const uint64_t block : {uint64_t{3}, 10 + 2 * epoch}) {  // one after the other would be a log
      REQUIRE((*volume)->Write(block * kBlockSize, Bytes(kBlockSize, static_cast<std::byte>(epoch))));
    }
    if (epoch == 3) REQUIRE((*volume)->SaveRevision(1));
    REQUIRE((*volume)->CommitEpoch());
  }
  REQUIRE((*volume)->Write(30 * kBlockSize, Bytes(kBlockSize, std::byte{9})));
}

std::vector<DeltaProblem> Problems(const ScratchDirectory& directory, const char* boot_id = kBoot) {
  auto problems = VerifyDelta(PosixFileSystem(), directory.Path(), boot_id);
  REQUIRE(problems);
  return std::move(*problems);
}

/// Where the records end and the zeros begin that a journal may keep ahead. Records end at multiples of 16.
size_t EndOfRecords(const Bytes& bytes) {
  size_t end = bytes.size();
  while (end > 0 && bytes[end - 1] == std::byte{0}) --end;
  return (end + 15) / 16 * 16;
}

TEST_CASE("bit flips: a journal and a revision") {
  const ScratchDirectory directory;
  const auto durability = GENERATE(Durability::kEverySecond, Durability::kAlways);
  Fill(directory, durability);
  const std::string path = directory / GENERATE("journal", "revision-1");
  INFO(path);
  CHECK(Problems(directory).empty());
  const Bytes whole = ReadFile(path);
  const uint64_t end = EndOfRecords(whole);
  REQUIRE(end % 512 != 0);
  const bool room = durability == Durability::kAlways && path.ends_with("journal");
  CHECK(room == (end < whole.size()));
  for (uint64_t at = 0; at < end; ++at) {
    for (const uint8_t bits : kFlips) {
      const Flipped flipped(path, at, bits);
      const auto problems = Problems(directory);
      if (problems.size() != 1 || problems[0].file != path) FAIL("byte " << at << " is not found");
      // Refused before anything was changed, so that the next flip starts from the same file.
      const auto volume = Volume::Open(PosixFileSystem(), Options(directory));
      if (volume) FAIL("byte " << at << ": the volume opens");
    }
  }
  CHECK(Volume::Open(PosixFileSystem(), Options(directory)));
}

TEST_CASE("bit flips: a journal that was never committed") {
  const ScratchDirectory directory;
  {
    auto volume = Volume::Open(PosixFileSystem(), Options(directory));
    REQUIRE(volume);
    for (const uint64_t block : {3, 5, 7}) {
      REQUIRE((*volume)->Write(block * kBlockSize, Bytes(kBlockSize, std::byte{1})));
    }
  }
  const std::string path = directory / "journal.new";
  const uint64_t size = ReadFile(path).size();
  for (uint64_t at = 512; at < size; ++at) {
    const Flipped flipped(path, at, kFlips[at % kFlips.size()]);
    if (Problems(directory).size() != 1) FAIL("byte " << at << " is not found");
    const auto volume = Volume::Open(PosixFileSystem(), Options(directory));
    if (volume) FAIL("byte " << at << ": the volume opens");
    if (volume.error().message.find(path) == std::string::npos) FAIL(volume.error().message);
  }
  CHECK(Volume::Open(PosixFileSystem(), Options(directory)));
}

TEST_CASE("bit flips: a journal after a power cut is damaged where a later commit says so") {
  const ScratchDirectory directory;
  Fill(directory);
  const std::string path = directory / "journal";
  constexpr const char* kNextBoot = "another";
  CHECK(Problems(directory, kNextBoot).empty());
  const Bytes whole = ReadFile(path);
  // Records after the last two commits may be what the cut left; everything before was synced.
  const uint64_t first_record = 512;
  {
    const Flipped flipped(path, first_record + 40, 0x01);
    CHECK(Problems(directory, kNextBoot).size() == 1);
    const auto volume = Volume::Open(PosixFileSystem(), Options(directory, kNextBoot));
    REQUIRE_FALSE(volume);
    CHECK(volume.error().code == ErrorCode::kCorrupt);
    CHECK(volume.error().message.find(path) != std::string::npos);
  }
  {
    // The last record was never committed: gone in another boot, damaged or not.
    const Flipped flipped(path, whole.size() - 1, 0x01);
    CHECK(Problems(directory, kNextBoot).empty());
    CHECK(Problems(directory).size() == 1);
  }
}

TEST_CASE("a delta: what was lost from it is found") {
  const ScratchDirectory directory;
  Fill(directory);
  SECTION("its data is too short") {
    auto data = PosixFileSystem().Open(directory / "data", OpenMode::kReadWrite);
    REQUIRE((*data)->Truncate(kBlockSize));
    const auto problems = Problems(directory);
    REQUIRE_FALSE(problems.empty());
    CHECK(problems[0].what.find("slot") != std::string::npos);
  }
  SECTION("its journal is gone") {
    REQUIRE(PosixFileSystem().Remove(directory / "journal"));
    const auto problems = Problems(directory);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].file == directory / "journal");
  }
  SECTION("a kill in the middle of a write is no damage") {
    // The last record is one run of 48 bytes; one of many runs, cut where a sector ends.
    Bytes bytes = ReadFile(directory / "journal");
    Bytes last(bytes.end() - 48, bytes.end());
    last[8] = std::byte{0};
    last[9] = std::byte{0x40};                                              // 16 KiB of runs
    last[16] = static_cast<std::byte>(static_cast<uint8_t>(last[16]) + 1);  // the next sequence
    last.resize(512 - bytes.size() % 512, std::byte{7});
    REQUIRE(last.size() >= 32);
    bytes.insert(bytes.end(), last.begin(), last.end());
    SECTION("at the end of the file") {}
    SECTION("in the room that was made for it") {
      bytes.resize((bytes.size() + 65536) / 512 * 512);
    }
    WriteFile(directory / "journal", bytes);
    CHECK(Problems(directory).empty());
    CHECK(Volume::Open(PosixFileSystem(), Options(directory)));
  }
  SECTION("zeros in place of records are damage, and room is not") {
    Bytes bytes = ReadFile(directory / "journal");
    bytes.resize(bytes.size() + 70'000);
    WriteFile(directory / "journal", bytes);
    CHECK(Problems(directory).empty());
    bytes.resize(bytes.size() + 200'000);  // more than is ever written ahead
    WriteFile(directory / "journal", bytes);
    CHECK(Problems(directory).size() == 1);
  }
}

}  // namespace
}  // namespace spawnd::storage
