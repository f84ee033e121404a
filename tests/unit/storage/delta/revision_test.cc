/// Saving, going back, looking at and sealing revisions of a volume on a real file system. What a crash does
/// to them is in tests/crash, long random runs are in tests/model.
#include "storage/delta/revision.h"

#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <thread>

#include "base/random.h"
#include "storage/delta/delta.h"
#include "storage/delta/delta_verify.h"
#include "storage/image/image.h"
#include "storage/seal.h"
#include "storage/unsaved.h"
#include "storage/volume.h"
#include "tests/support/in_child.h"
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

void Put(Volume& volume, uint32_t block, uint32_t count, uint64_t stamp) {
  Bytes bytes(size_t{count} * kBlockSize);
  for (uint32_t i = 0; i < count; ++i) {
    StampBlock(std::span(bytes).subspan(size_t{i} * kBlockSize, kBlockSize), block + i, stamp);
  }
  REQUIRE(volume.Write(uint64_t{block} * kBlockSize, bytes));
}

/// The write that a block shows; 0 for zeros.
uint64_t StampAt(Volume& volume, uint32_t block) {
  Bytes bytes(kBlockSize);
  REQUIRE(volume.Read(uint64_t{block} * kBlockSize, bytes));
  if (bytes == Bytes(kBlockSize)) return 0;
  const auto stamps = ReadStamps(bytes, block);
  for (const uint64_t stamp : stamps) REQUIRE(stamp == stamps[0]);
  return stamps[0];
}

std::unique_ptr<Volume> View(const ScratchDirectory& directory, const ScratchDirectory& scratch,
                             uint32_t number, std::shared_ptr<Image> image = nullptr) {
  VolumeOptions options = In(scratch);
  options.image = std::move(image);
  options.revisions = {{.directory = directory.Path(), .number = number}};
  return OpenVolume(options);
}

void Revert(const ScratchDirectory& directory, std::optional<uint32_t> revision) {
  const auto reverted = RevertDelta(PosixFileSystem(), In(directory), revision);
  if (!reverted) FAIL(reverted.error().message);
}

TEST_CASE("names of revisions") {
  CHECK(RevisionName(7) == "revision-7");
  CHECK(RevisionNumber("revision-7") == 7);
  CHECK(RevisionNumber("revision-4294967295") == 4294967295);
  for (const char* name : {"revision-", "revision-0", "revision-07", "revision-7.tmp", "revision--7",
                           "revision-+7", "revision-4294967296", "journal", "Revision-7"}) {
    INFO(name);
    CHECK_FALSE(RevisionNumber(name));
  }
}

TEST_CASE("a volume goes back to what was saved, and on from there") {
  const Durability durability = GENERATE(Durability::kEverySecond, Durability::kAlways);
  const ScratchDirectory directory;
  {
    const auto volume = OpenVolume(In(directory, durability));
    Put(*volume, 0, 4, 1);
    REQUIRE(volume->SaveRevision(1));
    Put(*volume, 0, 2, 2);
    REQUIRE(volume->Discard(3 * kBlockSize, kBlockSize));
    REQUIRE(volume->SaveRevision(2));
    Put(*volume, 0, 8, 3);
  }
  Revert(directory, 1);
  Revert(directory, 1);  // twice is as good as once
  {
    const auto volume = OpenVolume(In(directory, durability));
    for (uint32_t block = 0; block < 4; ++block) CHECK(StampAt(*volume, block) == 1);
    CHECK(StampAt(*volume, 4) == 0);
    Put(*volume, 1, 1, 4);
    REQUIRE(volume->SaveRevision(3));
    Put(*volume, 0, 8, 5);
  }
  Revert(directory, 2);
  {
    const auto volume = OpenVolume(In(directory, durability));
    CHECK(StampAt(*volume, 0) == 2);
    CHECK(StampAt(*volume, 2) == 1);
    CHECK(StampAt(*volume, 3) == 0);
  }
  Revert(directory, 3);
  CHECK(StampAt(*OpenVolume(In(directory, durability)), 0) == 1);
  CHECK(StampAt(*OpenVolume(In(directory, durability)), 1) == 4);
  Revert(directory, std::nullopt);
  const auto volume = OpenVolume(In(directory, durability));
  for (uint32_t block = 0; block < 8; ++block) CHECK(StampAt(*volume, block) == 0);
  CHECK(volume->Revisions().size() == 3);
}

// A revision that was overlooked once is lost: its slots count as free, so the opening cuts them off and
// later writes take them.
TEST_CASE("a volume whose folder cannot be read does not open, and keeps its revisions") {
  const ScratchDirectory directory;
  {
    const auto volume = OpenVolume(In(directory));
    Put(*volume, 0, 8, 1);
    REQUIRE(volume->SaveRevision(1));
    Put(*volume, 0, 8, 2);
  }
  Revert(directory, std::nullopt);  // now rev.1 alone holds its slots
  const std::string said = spawnd::testing::WithFailingCall(SYS_getdents64, EIO, [&] {
    const auto volume = Volume::Open(PosixFileSystem(), In(directory));
    return volume ? std::string("opened") : std::string(ErrorCodeName(volume.error().code));
  });
  CHECK(said == "io");
  OpenVolume(In(directory));
  Revert(directory, 1);
  CHECK(StampAt(*OpenVolume(In(directory)), 7) == 1);
}

TEST_CASE("numbers of revisions grow") {
  const ScratchDirectory directory;
  const auto volume = OpenVolume(In(directory));
  CHECK(volume->SaveRevision(0).error().code == ErrorCode::kAlreadyExists);
  REQUIRE(volume->SaveRevision(3));
  CHECK(volume->SaveRevision(3).error().code == ErrorCode::kAlreadyExists);
  CHECK(volume->SaveRevision(2).error().code == ErrorCode::kAlreadyExists);
  CHECK(volume->SaveRevision(4));
  CHECK(NamesIn(directory) == std::vector<std::string>{"data", "journal", "revision-3", "revision-4"});
}

TEST_CASE("unique bytes are those that no revision before holds") {
  const ScratchDirectory directory;
  std::vector<uint64_t> saved;
  {
    const auto volume = OpenVolume(In(directory));
    Put(*volume, 0, 10, 1);
    saved.push_back(volume->SaveRevision(1)->unique_bytes);
    saved.push_back(volume->SaveRevision(2)->unique_bytes);  // of a volume that nobody has written to since
    Put(*volume, 0, 3, 2);
    saved.push_back(volume->SaveRevision(3)->unique_bytes);
    CHECK(saved == std::vector<uint64_t>{10 * kBlockSize, 0, 3 * kBlockSize});
    Put(*volume, 0, 10, 3);
    REQUIRE(volume->CommitEpoch());
    CHECK(volume->Usage().delta_bytes == (10 + 3 + 10) * kBlockSize);
  }
  const auto volume = OpenVolume(In(directory));
  const auto found = volume->Revisions();
  REQUIRE(found.size() == 3);
  for (size_t i = 0; i < found.size(); ++i) CHECK(found[i].unique_bytes == saved[i]);
}

TEST_CASE("slots that no revision holds are free after going back, and revisions cost no room") {
  const ScratchDirectory directory;
  {
    const auto volume = OpenVolume(In(directory));
    Put(*volume, 0, 100, 1);
    REQUIRE(volume->SaveRevision(1));
    Put(*volume, 0, 1000, 2);
  }
  Revert(directory, 1);
  const auto volume = OpenVolume(In(directory));
  CHECK(volume->Usage().delta_bytes == 100 * kBlockSize);
  CHECK(ReadFile(directory / "data").size() == 100 * kBlockSize);
  // Far more than the three slots a block that a volume has without revisions.
  for (uint32_t number = 2; number < 12; ++number) {
    for (uint32_t block = 0; block < kBytes / kBlockSize; block += 256) Put(*volume, block, 256, number);
    REQUIRE(volume->SaveRevision(number));
  }
  CHECK(volume->Usage().delta_bytes == (100 + 10 * (kBytes / kBlockSize)) * kBlockSize);
  CHECK(OpenVolume(In(directory))->Usage().delta_bytes == volume->Usage().delta_bytes);
}

TEST_CASE("a revision can be looked at while its volume goes on") {
  const ScratchDirectory directory;
  const ScratchDirectory scratch;
  const auto volume = OpenVolume(In(directory));
  Put(*volume, 0, 40, 1);
  REQUIRE(volume->Discard(5 * kBlockSize, kBlockSize));
  REQUIRE(volume->SaveRevision(1));
  const auto view = View(directory, scratch, 1);
  for (uint64_t stamp = 2; stamp < 10; ++stamp) {
    Put(*volume, 0, 40, stamp);
    REQUIRE(volume->CommitEpoch());
    for (uint32_t block = 0; block < 40; ++block) CHECK(StampAt(*view, block) == (block == 5 ? 0 : 1));
  }
  Put(*view, 7, 1, 99);  // goes to the view's own delta
  CHECK(StampAt(*view, 7) == 99);
  CHECK(StampAt(*volume, 7) == 9);
  VolumeOptions other = In(scratch);
  other.revisions = {{.directory = directory.Path(), .number = 2}};
  const auto missing = Volume::Open(PosixFileSystem(), other);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ErrorCode::kNotFound);
  CHECK(missing.error().hint == "There are: rev.0, rev.1.");
}

TEST_CASE("volumes lie on revisions of volumes that lie on revisions") {
  const std::array<ScratchDirectory, 4> folders;
  std::vector<RevisionReference> ground;
  for (size_t i = 0; i < folders.size(); ++i) {
    VolumeOptions options = In(folders[i]);
    options.revisions = ground;
    const auto volume = OpenVolume(options);
    for (uint32_t block = 0; block < i; ++block) CHECK(StampAt(*volume, block) == block + 1);
    CHECK(StampAt(*volume, static_cast<uint32_t>(i)) == 0);
    CHECK(volume->ChunkIsFromImage(0) == (i == 0));
    Put(*volume, static_cast<uint32_t>(i), 1, i + 1);
    // Of the block that lies lowest each says something else.
    Put(*volume, 100, 1, 50 + i);
    REQUIRE(volume->SaveRevision(static_cast<uint32_t>(i) + 1));
    Put(*volume, 0, 8, 99);
    ground.insert(ground.begin(), {.directory = folders[i].Path(), .number = static_cast<uint32_t>(i) + 1});
  }
  SECTION("and go back to their own, and to what they lie on") {
    VolumeOptions top = In(folders[3]);
    top.revisions.assign(ground.begin() + 1, ground.end());
    REQUIRE(RevertDelta(PosixFileSystem(), top, 4));
    CHECK(StampAt(*OpenVolume(top), 100) == 53);
    REQUIRE(RevertDelta(PosixFileSystem(), top, std::nullopt));
    const auto volume = OpenVolume(top);
    CHECK(StampAt(*volume, 100) == 52);
    for (uint32_t block = 0; block < 3; ++block) CHECK(StampAt(*volume, block) == block + 1);
    CHECK(StampAt(*volume, 3) == 0);
  }
  SECTION("and on no other ground") {
    VolumeOptions top = In(folders[3]);
    for (const auto& other : {std::vector<RevisionReference>{}, {ground[2], ground[3]}, {ground[3]}}) {
      top.revisions = other;
      CHECK(Volume::Open(PosixFileSystem(), top).error().code == ErrorCode::kInvalidArgument);
      CHECK(RevertDelta(PosixFileSystem(), top, 4).error().code == ErrorCode::kInvalidArgument);
    }
    top.revisions = {ground[1], ground[3], ground[2]};  // a revision of one that lies elsewhere
    CHECK(Volume::Open(PosixFileSystem(), top).error().code == ErrorCode::kInvalidArgument);
  }
}

TEST_CASE("what no revision holds goes from a volume that nobody writes to any more") {
  const ScratchDirectory directory;
  const ScratchDirectory scratch;
  CHECK(DropUnsaved(PosixFileSystem(), directory.Path()).error().code == ErrorCode::kNotFound);
  {
    const auto volume = OpenVolume(In(directory));
    Put(*volume, 0, 512, 1);
    REQUIRE(volume->SaveRevision(1));
    Put(*volume, 512, 64, 2);
    REQUIRE(volume->SaveRevision(2));
    Put(*volume, 0, 1024, 3);
    REQUIRE(volume->CommitEpoch());
  }
  const auto view = View(directory, scratch, 1);
  REQUIRE(DropUnsaved(PosixFileSystem(), directory.Path()));
  struct stat st {};
  REQUIRE(::stat((directory / "data").c_str(), &st) == 0);
  CHECK(st.st_blocks * 512 <= (512 + 64 + 8) * int64_t{kBlockSize});
  const Bytes journal = ReadFile(directory / "journal");
  REQUIRE(DropUnsaved(PosixFileSystem(), directory.Path()));
  CHECK(ReadFile(directory / "journal") == journal);  // nothing was done twice
  for (uint32_t block = 0; block < 512; ++block) REQUIRE(StampAt(*view, block) == 1);
  CHECK(VerifyDelta(PosixFileSystem(), directory.Path(), "boot").value().empty());
  Revert(directory, 1);
  {
    const auto volume = OpenVolume(In(directory));
    for (uint32_t block = 0; block < 600; ++block) REQUIRE(StampAt(*volume, block) == (block < 512 ? 1 : 0));
    Put(*volume, 0, 1024, 4);
  }
  Revert(directory, 2);
  const auto volume = OpenVolume(In(directory));
  for (uint32_t block = 0; block < 600; ++block)
    REQUIRE(StampAt(*volume, block) == (block < 512 ? 1 : block < 576 ? 2 : 0));
}

TEST_CASE("sealing a revision stores what it changed, and refers to the image for the rest") {
  const ScratchDirectory store;
  const ScratchDirectory first;
  const ScratchDirectory second;
  const ScratchDirectory scratch;
  const auto seal = [&](Volume& volume, const std::string& name, const std::string& layer) {
    auto sealed = Seal(PosixFileSystem(), volume,
                       {.layer_directory = store.Path(), .layer_id = layer, .index_path = store / name}, {});
    if (!sealed) FAIL(sealed.error().message);
    return *sealed;
  };
  const std::string base_layer(32, 'a');
  const auto origin = OpenVolume(In(first));
  for (uint32_t block = 0; block < 1024; block += 128) Put(*origin, block, 64, 1);
  seal(*origin, "base.index", base_layer);
  const std::shared_ptr<Image> image =
      Image::Open(PosixFileSystem(), store / "base.index", store.Path()).value();

  VolumeOptions options = In(second);
  options.image = image;
  const auto volume = OpenVolume(options);
  Put(*volume, 128, 2, 2);
  REQUIRE(volume->Discard(256 * kBlockSize, 64 * kBlockSize));
  REQUIRE(volume->SaveRevision(1));
  Put(*volume, 384, 64, 3);  // not in the revision

  const auto view = View(second, scratch, 1, image);
  Put(*view, 512, 1, 4);
  CHECK(view->ChunkIsFromImage(0));
  CHECK_FALSE(view->ChunkIsFromImage(128 / kBlocksPerChunk));
  CHECK_FALSE(view->ChunkIsFromImage(512 / kBlocksPerChunk));
  CHECK(view->NextData(256 / kBlocksPerChunk).value() == 384 / kBlocksPerChunk);
  const SealResult sealed = seal(*view, "graduated.index", std::string(32, 'b'));
  CHECK(sealed.layer_ids.size() == 2);
  CHECK(sealed.data_bytes == (7 * 64) * kBlockSize);
  CHECK(sealed.new_layer_bytes < 2 * kChunkSize + 8192);

  const ScratchDirectory third;
  VolumeOptions graduated = In(third);
  graduated.image = Image::Open(PosixFileSystem(), store / "graduated.index", store.Path()).value();
  const auto copy = OpenVolume(graduated);
  for (uint32_t block = 0; block < 1024; ++block) {
    uint64_t expected = block % 128 < 64 ? 1 : 0;
    if (block == 128 || block == 129) expected = 2;
    if (block >= 256 && block < 320) expected = 0;
    if (block == 512) expected = 4;
    INFO("block " << block);
    REQUIRE(StampAt(*copy, block) == expected);
  }
}

TEST_CASE("a damaged revision is named, whatever byte is wrong, and the volume can do without it") {
  const ScratchDirectory directory;
  {
    const auto volume = OpenVolume(In(directory));
    Put(*volume, 0, 4, 1);
    REQUIRE(volume->SaveRevision(1));
    Put(*volume, 0, 4, 2);
    REQUIRE(volume->SaveRevision(2));
  }
  const Bytes good = ReadFile(directory / "revision-1");
  const auto damaged = [&](const Bytes& bytes) {
    WriteFile(directory / "revision-1", bytes);
    const auto reverted = RevertDelta(PosixFileSystem(), In(directory), 1);
    REQUIRE_FALSE(reverted);
    CHECK(reverted.error().code == ErrorCode::kCorrupt);
    CHECK(reverted.error().message.find("revision-1'") != std::string::npos);
    const auto opened = Volume::Open(PosixFileSystem(), In(directory));
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == ErrorCode::kCorrupt);
    CHECK(opened.error().message.find("revision-1'") != std::string::npos);
  };
  for (size_t at = 0; at < good.size(); at += at < 512 ? 37 : 1) {
    INFO("byte " << at);
    Bytes bytes = good;
    bytes[at] ^= std::byte{0x10};
    damaged(bytes);
  }
  for (const size_t length : {size_t{0}, size_t{511}, size_t{512}, good.size() - 32, good.size() - 1}) {
    INFO("cut to " << length);
    damaged(Bytes(good.begin(), good.begin() + static_cast<ptrdiff_t>(length)));
  }
  Bytes longer = good;
  longer.push_back(std::byte{0});
  damaged(longer);
  REQUIRE(PosixFileSystem().Remove(directory / "revision-1"));
  CHECK(StampAt(*OpenVolume(In(directory)), 0) == 2);
}

TEST_CASE("a revision of another volume or a journal that is missing is refused") {
  const ScratchDirectory directory;
  {
    const auto volume = OpenVolume(In(directory));
    Put(*volume, 0, 4, 1);
    REQUIRE(volume->SaveRevision(1));
  }
  VolumeOptions larger = In(directory);
  larger.volume_bytes *= 2;
  CHECK(RevertDelta(PosixFileSystem(), larger, 1).error().code == ErrorCode::kInvalidArgument);
  CHECK(RevertDelta(PosixFileSystem(), In(directory), 5).error().code == ErrorCode::kNotFound);
  REQUIRE(PosixFileSystem().Remove(directory / "journal"));
  CHECK(Volume::Open(PosixFileSystem(), In(directory)).error().code == ErrorCode::kCorrupt);
  Revert(directory, 1);  // makes it anew
  CHECK(StampAt(*OpenVolume(In(directory)), 0) == 1);
}

TEST_CASE("what an interrupted save left behind goes away") {
  const ScratchDirectory directory;
  { Put(*OpenVolume(In(directory)), 0, 4, 1); }
  WriteFile(directory / "revision-1.tmp", Bytes(100));
  const auto volume = OpenVolume(In(directory));
  CHECK(volume->Revisions().empty());
  CHECK(NamesIn(directory) == std::vector<std::string>{"data", "journal"});
}

TEST_CASE("going back before anything was written leaves an empty volume") {
  const ScratchDirectory directory;
  Revert(directory, std::nullopt);
  { Put(*OpenVolume(In(directory)), 0, 4, 1); }
  Revert(directory, std::nullopt);
  CHECK(StampAt(*OpenVolume(In(directory)), 0) == 0);
}

/// Each writer writes its counter to all of its blocks, one after the other, so that a cut shows at most two
/// values that lie next to each other, the higher one first.
TEST_CASE("revisions saved beside writers and commits are consistent cuts that do not change") {
  const Durability durability = GENERATE(Durability::kEverySecond, Durability::kAlways);
  constexpr uint32_t kBlocksOfEach = 16;
  constexpr uint32_t kWriters = 2;
  const ScratchDirectory directory;
  const auto volume = OpenVolume(In(directory, durability));
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (uint32_t writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      Bytes bytes(kBlockSize);
      for (uint64_t stamp = 1; !stop; ++stamp) {
        for (uint32_t i = 0; i < kBlocksOfEach; ++i) {
          const uint32_t block = writer * kBlocksOfEach + i;
          StampBlock(bytes, block, stamp);
          if (!volume->Write(uint64_t{block} * kBlockSize, bytes)) std::abort();
        }
      }
    });
  }
  threads.emplace_back([&] {
    while (!stop) {
      if (!volume->CommitEpoch()) std::abort();
    }
  });
  for (uint32_t number = 1; number <= 20; ++number) REQUIRE(volume->SaveRevision(number));
  stop = true;
  for (std::thread& thread : threads) thread.join();
  for (uint32_t number = 1; number <= 20; ++number) {
    const ScratchDirectory scratch;
    const auto view = View(directory, scratch, number);
    for (uint32_t writer = 0; writer < kWriters; ++writer) {
      const uint64_t first = StampAt(*view, writer * kBlocksOfEach);
      uint64_t before = first;
      for (uint32_t i = 1; i < kBlocksOfEach; ++i) {
        const uint64_t stamp = StampAt(*view, writer * kBlocksOfEach + i);
        INFO("revision " << number << " block " << writer * kBlocksOfEach + i);
        REQUIRE((stamp == before || (before == first && stamp + 1 == first)));
        before = stamp;
      }
    }
  }
}

}  // namespace
}  // namespace spawnd::storage
