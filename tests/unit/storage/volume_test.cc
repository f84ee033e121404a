#include "storage/volume.h"

#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "storage/delta/block_map.h"
#include "storage/delta/delta.h"
#include "storage/delta/map_journal.h"
#include "tests/support/memory_image.h"
#include "tests/support/stamped_block.h"
#include "tests/unit/storage/open_volume.h"
#include "tests/unit/storage/seal_test_volume.h"

namespace spawnd::storage {
namespace {

using spawnd::testing::MemoryImage;
using spawnd::testing::ReadStamps;
using spawnd::testing::StampBlock;
using testing::Bytes;
using testing::In;
using testing::kBytes;
using testing::NamesIn;
using testing::OpenVolume;
using testing::ReadFile;
using testing::WriteFile;

ErrorCode OpenError(VolumeOptions options) {
  const auto volume = Volume::Open(PosixFileSystem(), std::move(options));
  REQUIRE_FALSE(volume);
  return volume.error().code;
}

Bytes Stamped(uint32_t block, uint32_t count, uint64_t stamp) {
  Bytes bytes(size_t{count} * kBlockSize);
  for (uint32_t i = 0; i < count; ++i) {
    StampBlock(std::span(bytes).subspan(size_t{i} * kBlockSize, kBlockSize), block + i, stamp);
  }
  return bytes;
}

Bytes ReadBlocks(Volume& volume, uint32_t block, uint32_t count) {
  Bytes bytes(size_t{count} * kBlockSize, std::byte{0x5A});
  REQUIRE(volume.Read(uint64_t{block} * kBlockSize, bytes));
  return bytes;
}

void Put(Volume& volume, uint32_t block, uint32_t count, uint64_t stamp) {
  REQUIRE(volume.Write(uint64_t{block} * kBlockSize, Stamped(block, count, stamp)));
}

std::shared_ptr<MemoryImage> ImageWithChunk(uint64_t chunk, std::string layer = "layer") {
  auto image = std::make_shared<MemoryImage>(kBytes, std::move(layer));
  image->Put(chunk, Stamped(static_cast<uint32_t>(chunk) * kBlocksPerChunk, kBlocksPerChunk, 1));
  return image;
}

TEST_CASE("a volume keeps what was written over a reopening") {
  const ScratchDirectory directory;
  const Durability durability = GENERATE(Durability::kEverySecond, Durability::kAlways);
  {
    const auto volume = OpenVolume(In(directory, durability));
    CHECK(volume->SizeBytes() == kBytes);
    CHECK(ReadBlocks(*volume, 0, 4) == Bytes(4 * kBlockSize));
    Put(*volume, 10, 300, 5);
    CHECK(ReadBlocks(*volume, 10, 300) == Stamped(10, 300, 5));
    REQUIRE(volume->Flush());
  }
  const auto volume = OpenVolume(In(directory, durability));  // same boot: the page cache is trusted
  CHECK(ReadBlocks(*volume, 10, 300) == Stamped(10, 300, 5));
  CHECK(ReadBlocks(*volume, 9, 1) == Bytes(kBlockSize));
  CHECK(volume->Usage().delta_bytes == 300 * kBlockSize);
}

TEST_CASE("another boot sees the last commit, and nothing of a volume that never committed") {
  const ScratchDirectory directory;
  VolumeOptions options = In(directory);
  options.boot_id = "one";
  REQUIRE(OpenVolume(options)->Write(0, Stamped(0, 1, 5)));
  options.boot_id = "two";
  {
    const auto volume = OpenVolume(options);
    CHECK(ReadBlocks(*volume, 0, 1) == Bytes(kBlockSize));
    Put(*volume, 0, 1, 6);
    REQUIRE(volume->CommitEpoch());
    Put(*volume, 0, 1, 7);
    Put(*volume, 1, 1, 7);
  }
  options.boot_id = "three";
  const auto volume = OpenVolume(options);
  CHECK(ReadBlocks(*volume, 0, 1) == Stamped(0, 1, 6));
  CHECK(ReadBlocks(*volume, 1, 1) == Bytes(kBlockSize));
  CHECK(NamesIn(directory) == std::vector<std::string>{"data", "journal"});
}

TEST_CASE("discarding over an image leaves zeros, over nothing leaves nothing") {
  const ScratchDirectory directory;
  VolumeOptions options = In(directory);
  options.image = ImageWithChunk(5);
  const auto volume = OpenVolume(options);
  CHECK(volume->NextData(0).value() == 5);
  CHECK(volume->ChunkIsFromImage(5));
  CHECK(ReadBlocks(*volume, 21, 2) == Stamped(21, 2, 1));

  Put(*volume, 0, 30, 2);
  CHECK_FALSE(volume->ChunkIsFromImage(5));
  REQUIRE(volume->Discard(0, kBytes));
  CHECK(ReadBlocks(*volume, 0, 40) == Bytes(40 * kBlockSize));
  CHECK(volume->NextData(0).value() == kBytes / kChunkSize);
  CHECK_FALSE(volume->ChunkIsFromImage(5));  // its zeros are the delta's word, not the image's
  CHECK(volume->ChunkIsFromImage(0));
  REQUIRE(volume->CommitEpoch());
  CHECK(volume->Usage().delta_bytes == 0);

  Put(*volume, 22, 1, 3);
  CHECK(volume->NextData(0).value() == 5);
  CHECK(ReadBlocks(*volume, 21, 1) == Bytes(kBlockSize));
  CHECK(ReadBlocks(*volume, 22, 1) == Stamped(22, 1, 3));
}

TEST_CASE("what reads as zeros anyway takes no room when zeros are written") {
  const ScratchDirectory directory;
  VolumeOptions options = In(directory, Durability::kAlways);
  options.image = ImageWithChunk(0);
  {
    const auto volume = OpenVolume(options);
    const uint32_t over_nothing = 4 * kBlocksPerChunk;
    REQUIRE(volume->Write(uint64_t{over_nothing} * kBlockSize, Bytes(size_t{256} * kBlockSize)));
    CHECK(volume->Usage().delta_bytes == 0);
    REQUIRE(volume->Write(0, Bytes(2 * kBlockSize)));  // over the image: they hide what it has
    Put(*volume, over_nothing, 2, 7);
    REQUIRE(volume->Write(uint64_t{over_nothing} * kBlockSize, Bytes(kBlockSize)));
    // One byte at the end of a block of zeros is data.
    Bytes nearly(kBlockSize);
    nearly.back() = std::byte{1};
    REQUIRE(volume->Write(uint64_t{over_nothing + 9} * kBlockSize, nearly));
    REQUIRE(volume->Flush());
  }
  const auto volume = OpenVolume(options);
  const uint32_t over_nothing = 4 * kBlocksPerChunk;
  CHECK(ReadBlocks(*volume, 0, 2) == Bytes(2 * kBlockSize));
  CHECK(ReadBlocks(*volume, 2, 2) == Stamped(2, 2, 1));
  CHECK(ReadBlocks(*volume, over_nothing, 1) == Bytes(kBlockSize));
  CHECK(ReadBlocks(*volume, over_nothing + 1, 1) == Stamped(over_nothing + 1, 1, 7));
  CHECK(ReadBlocks(*volume, over_nothing + 9, 1).back() == std::byte{1});
}

/// As a server writes its log: a block, a flush, the next block.
void WriteLog(Volume& volume, uint32_t first, uint32_t count) {
  for (uint32_t block = first; block < first + count; ++block) {
    Put(volume, block, 1, block);
    REQUIRE(volume.Flush());
  }
}

TEST_CASE("always: the blocks that a log will take next have slots before it comes to them") {
  const ScratchDirectory directory;
  VolumeOptions options = In(directory, Durability::kAlways);
  options.image = ImageWithChunk(180);  // right behind the log
  constexpr uint32_t kFirst = 100;
  constexpr uint32_t kEnd = 180 * kBlocksPerChunk;
  {
    const auto volume = OpenVolume(options);
    // A servers' way to make room; the blocks read as zeros and have no slot.
    REQUIRE(volume->Write(uint64_t{kFirst} * kBlockSize, Bytes(size_t{kEnd - kFirst} * kBlockSize)));
    WriteLog(*volume, kFirst, 200);
    CHECK(volume->Usage().committed_epoch < 12);  // else one for each block, each with two syncs
    CHECK(volume->Usage().delta_bytes <= (200 + 128) * kBlockSize);
    CHECK(ReadBlocks(*volume, kFirst + 200, 300) == Bytes(300 * kBlockSize));
  }
  const auto volume = OpenVolume(options);
  for (uint32_t block = kFirst; block < kFirst + 200; ++block) {
    CHECK(ReadBlocks(*volume, block, 1) == Stamped(block, 1, block));
  }
  WriteLog(*volume, kFirst + 200, kEnd - kFirst - 200);
  CHECK(ReadBlocks(*volume, kEnd, kBlocksPerChunk) == Stamped(kEnd, kBlocksPerChunk, 1));  // not hidden
}

TEST_CASE("always: what somebody else has written behind a log stays") {
  const ScratchDirectory directory;
  const auto volume = OpenVolume(In(directory, Durability::kAlways));
  Put(*volume, 150, 1, 7);
  WriteLog(*volume, 100, 50);
  CHECK(ReadBlocks(*volume, 150, 1) == Stamped(150, 1, 7));
  WriteLog(*volume, 151, 20);
  REQUIRE(volume->Discard(uint64_t{160} * kBlockSize, 100 * kBlockSize));
  REQUIRE(volume->Flush());
  CHECK(ReadBlocks(*volume, 160, 100) == Bytes(100 * kBlockSize));
  CHECK(volume->Usage().delta_bytes == 60 * kBlockSize);
}

TEST_CASE("everysec moves a block once an epoch, always never") {
  const ScratchDirectory directory;
  const Durability durability = GENERATE(Durability::kEverySecond, Durability::kAlways);
  const auto volume = OpenVolume(In(directory, durability));
  Put(*volume, 0, 8, 1);
  REQUIRE(volume->CommitEpoch());
  const uint64_t journal = volume->Usage().journal_bytes;
  for (uint64_t i = 0; i < 10; ++i) Put(*volume, 0, 8, 2 + i);
  const bool moves = durability == Durability::kEverySecond;
  CHECK((volume->Usage().journal_bytes > journal) == moves);
  CHECK(volume->Usage().delta_bytes == (moves ? 16 : 8) * kBlockSize);  // the old slots wait for the commit
  REQUIRE(volume->CommitEpoch());
  CHECK(volume->Usage().delta_bytes == 8 * kBlockSize);
  CHECK(volume->Usage().committed_epoch == (moves ? 2 : 1));
}

TEST_CASE("the journal is rewritten when it has grown, and stays right") {
  const ScratchDirectory directory;
  VolumeOptions options = In(directory);
  options.journal_compaction_bytes = 8 * 1024;
  {
    const auto volume = OpenVolume(options);
    for (uint64_t i = 0; i < 2000; ++i) {
      Put(*volume, static_cast<uint32_t>(i % 100 * 3), 1, 1 + i);
      if (i % 50 == 49) REQUIRE(volume->CommitEpoch());
    }
    CHECK(volume->Usage().journal_bytes < 20 * 1024);
  }
  options.boot_id = "another";
  const auto volume = OpenVolume(options);
  for (uint32_t i = 0; i < 100; ++i) CHECK(ReadBlocks(*volume, i * 3, 1) == Stamped(i * 3, 1, 1901 + i));
}

TEST_CASE("discarded space goes back to the host") {
  const ScratchDirectory directory;
  VolumeOptions options = In(directory);
  options.volume_bytes = 128 << 20;
  const auto volume = OpenVolume(options);
  const auto blocks_on_disk = [&] {
    struct stat status {};
    REQUIRE(::stat((directory / "data").c_str(), &status) == 0);
    return static_cast<uint64_t>(status.st_blocks) * 512;
  };
  for (uint32_t block = 0; block < 16384; block += 256) Put(*volume, block, 256, 1);
  REQUIRE(volume->CommitEpoch());
  CHECK(blocks_on_disk() >= 64 << 20);
  REQUIRE(volume->Discard(0, 128 << 20));
  REQUIRE(volume->CommitEpoch());
  CHECK(blocks_on_disk() <= 17 << 20);
  Put(*volume, 0, 256, 2);
  CHECK(ReadBlocks(*volume, 0, 256) == Stamped(0, 256, 2));
}

TEST_CASE("an idle volume of 8 TiB opens, walks and discards at once") {
  const ScratchDirectory directory;
  VolumeOptions options = In(directory);
  options.volume_bytes = kMaxVolumeBytes;
  const auto volume = OpenVolume(options);
  REQUIRE(volume->Write(kMaxVolumeBytes - kBlockSize, Bytes(kBlockSize, std::byte{1})));
  CHECK(volume->NextData(0).value() == kMaxVolumeBytes / kChunkSize - 1);
  REQUIRE(volume->Discard(0, kMaxVolumeBytes));
  CHECK(volume->NextData(0).value() == kMaxVolumeBytes / kChunkSize);
}

TEST_CASE("what cannot be right is refused") {
  const ScratchDirectory directory;
  VolumeOptions options = In(directory);
  SECTION("sizes") {
    options.volume_bytes = 0;
    CHECK(OpenError(options) == ErrorCode::kInvalidArgument);
    options.volume_bytes = kChunkSize + kBlockSize;
    CHECK(OpenError(options) == ErrorCode::kInvalidArgument);
    options.volume_bytes = kMaxVolumeBytes + kChunkSize;
    CHECK(OpenError(options) == ErrorCode::kInvalidArgument);
    options.volume_bytes = kBytes / 2;
    options.image = ImageWithChunk(0);
    CHECK(OpenError(options) == ErrorCode::kInvalidArgument);
  }
  SECTION("ranges") {
    const auto volume = OpenVolume(options);
    Bytes block(kBlockSize);
    CHECK(volume->Read(512, block).error().code == ErrorCode::kInvalidArgument);
    CHECK(volume->Write(kBytes, block).error().code == ErrorCode::kInvalidArgument);
    CHECK(volume->Discard(0, kBytes + kBlockSize).error().code == ErrorCode::kInvalidArgument);
    CHECK(volume->Discard(UINT64_MAX - kBlockSize + 1, kBlockSize).error().code ==
          ErrorCode::kInvalidArgument);
  }
  SECTION("a delta of another size or image") {
    REQUIRE(OpenVolume(options)->Write(0, Bytes(kBlockSize)));
    options.image = ImageWithChunk(0, "a");
    CHECK(OpenError(options) == ErrorCode::kInvalidArgument);
    options.image = nullptr;
    options.volume_bytes = kBytes * 2;
    CHECK(OpenError(options) == ErrorCode::kInvalidArgument);
  }
}

TEST_CASE("damage is found, not served") {
  const ScratchDirectory directory;
  const VolumeOptions options = In(directory);
  {
    const auto volume = OpenVolume(options);
    Put(*volume, 0, 4, 1);
    REQUIRE(volume->CommitEpoch());
  }
  SECTION("no data file") {
    REQUIRE(PosixFileSystem().Remove(directory / "data"));
  }
  SECTION("a data file cut short") {
    WriteFile(directory / "data", Stamped(0, 3, 1));
  }
  SECTION("a journal without its header") {
    Bytes journal = ReadFile(directory / "journal");
    journal[3] ^= std::byte{1};
    WriteFile(directory / "journal", journal);
  }
  SECTION("a journal that maps two blocks to one slot") {
    const auto header =
        ReadJournalHeader(*PosixFileSystem().Open(directory / "journal", OpenMode::kRead).value(), "journal")
            .value();
    REQUIRE(PosixFileSystem().Remove(directory / "journal"));
    const auto journal = MapJournal::Create(PosixFileSystem(), directory / "journal", header).value();
    const std::array<MapRun, 2> runs{MapRun{.block = 0, .count = 2, .value = 1, .tag = 1},
                                     MapRun{.block = 5, .count = 1, .value = 2, .tag = 1}};
    REQUIRE(journal->AppendRuns(1, runs));
  }
  SECTION("a journal that maps a block beyond the end") {
    const auto header =
        ReadJournalHeader(*PosixFileSystem().Open(directory / "journal", OpenMode::kRead).value(), "journal")
            .value();
    REQUIRE(PosixFileSystem().Remove(directory / "journal"));
    const auto journal = MapJournal::Create(PosixFileSystem(), directory / "journal", header).value();
    const MapRun run{.block = kBytes / kBlockSize - 1, .count = 2, .value = 1, .tag = 1};
    REQUIRE(journal->AppendRuns(1, std::span(&run, 1)));
  }
  CHECK(OpenError(options) == ErrorCode::kCorrupt);
}

TEST_CASE("epoch numbers start anew before they run out") {
  const ScratchDirectory directory;
  const VolumeOptions options = In(directory);
  {
    const auto volume = OpenVolume(options);
    Put(*volume, 0, 1, 1);
    REQUIRE(volume->CommitEpoch());
  }
  const auto header =
      ReadJournalHeader(*PosixFileSystem().Open(directory / "journal", OpenMode::kRead).value(), "journal")
          .value();
  REQUIRE(PosixFileSystem().Remove(directory / "journal"));
  {
    const auto journal = MapJournal::Create(PosixFileSystem(), directory / "journal", header).value();
    const MapRun run{.block = 0, .count = 1, .value = 1, .tag = 4'000'000'000};
    REQUIRE(journal->AppendRuns(4'000'000'000, std::span(&run, 1)));
    REQUIRE(journal->AppendCommit(4'000'000'000));
  }
  const auto volume = OpenVolume(options);
  CHECK(volume->Usage().committed_epoch == 1);
  Put(*volume, 0, 1, 2);
  CHECK(volume->Usage().delta_bytes == 2 * kBlockSize);  // the old slot is of an older epoch, as before
  CHECK(ReadBlocks(*volume, 0, 1) == Stamped(0, 1, 2));
}

TEST_CASE("threads that write, flush, discard and commit at once do not disturb each other") {
  const ScratchDirectory directory;
  const Durability durability = GENERATE(Durability::kEverySecond, Durability::kAlways);
  VolumeOptions options = In(directory, durability);
  options.image = ImageWithChunk(3);
  options.journal_compaction_bytes = 4096;
  const auto volume = OpenVolume(options);
  constexpr uint32_t kThreads = 4;
  constexpr uint32_t kShare = kBytes / kBlockSize / kThreads;
  std::atomic<bool> wrong{false};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::minstd_rand random(t + 1);
      for (uint64_t i = 0; i < 400; ++i) {
        const uint32_t count = 1 + random() % 6;
        const uint32_t block = t * kShare + random() % (kShare - count);
        const uint64_t offset = uint64_t{block} * kBlockSize;
        Bytes bytes = Stamped(block, count, i + 1);
        if (i % 7 == 0) {
          bytes.assign(bytes.size(), std::byte{0});
          if (!volume->Discard(offset, bytes.size())) wrong = true;
        } else if (!volume->Write(offset, bytes)) {
          wrong = true;
        }
        Bytes read(bytes.size());
        if (!volume->Read(offset, read) || read != bytes) wrong = true;
        if (i % 40 == 0 && !volume->Flush()) wrong = true;
      }
    });
  }
  std::thread committer([&] {
    while (!stop) {
      if (!volume->CommitEpoch()) wrong = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  for (std::thread& thread : threads) thread.join();
  stop = true;
  committer.join();
  CHECK_FALSE(wrong);
}

TEST_CASE("flushes at the same time share commits") {
  const ScratchDirectory directory;
  const auto volume = OpenVolume(In(directory, Durability::kAlways));
  std::atomic<bool> wrong{false};
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (uint32_t i = 0; i < 10; ++i) {
        const uint32_t block = t * 100 + i;
        if (!volume->Write(uint64_t{block} * kBlockSize, Stamped(block, 1, 1)) || !volume->Flush())
          wrong = true;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_FALSE(wrong);
  CHECK(volume->Usage().committed_epoch <= 80);
  CHECK(volume->Usage().epoch == volume->Usage().committed_epoch + 1);
}

}  // namespace
}  // namespace spawnd::storage
