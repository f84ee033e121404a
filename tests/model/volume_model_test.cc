/// A volume against a plain array: random operations, compared after every read and as a whole at every
/// reopening. SPAWND_MODEL_SEED repeats one run, SPAWND_MODEL_OPERATIONS makes it longer.
#include <cstdlib>
#include <map>
#include <random>

#include "storage/volume.h"
#include "tests/support/catch.h"
#include "tests/support/memory_image.h"
#include "tests/support/recording_file_system.h"
#include "tests/support/stamped_block.h"

namespace spawnd::testing {
namespace {

using storage::Durability;
using storage::kBlockSize;
using storage::kBlocksPerChunk;
using storage::kChunkSize;

constexpr uint32_t kBlocks = 2048;
constexpr uint64_t kVolumeBytes = uint64_t{kBlocks} * kBlockSize;
constexpr size_t kMaxRevisions = 8;  // each can hold as much as the volume
constexpr uint32_t kMaxRun = 300;    // more than a delta handles in one step

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::shared_ptr<MemoryImage> MakeImage(std::vector<uint64_t>& model) {
  auto image = std::make_shared<MemoryImage>(kVolumeBytes);
  // Every third chunk, and one long empty stretch.
  for (uint32_t chunk = 0; chunk < kBlocks / kBlocksPerChunk; chunk += chunk == 99 ? 201 : 3) {
    std::vector<std::byte> bytes(kChunkSize);
    for (uint32_t i = 0; i < kBlocksPerChunk; ++i) {
      const uint32_t block = chunk * kBlocksPerChunk + i;
      model[block] = 1;
      StampBlock(std::span(bytes).subspan(size_t{i} * kBlockSize, kBlockSize), block, 1);
    }
    image->Put(chunk, std::move(bytes));
  }
  return image;
}

class ModelRun {
 public:
  ModelRun(Durability durability, bool with_image, uint64_t seed)
      : random_(seed), model_(kBlocks, kZeroStamp), durability_(durability) {
    if (with_image) image_ = MakeImage(model_);
    image_model_ = model_;
    committed_ = model_;
    Open();
  }

  void Step() {
    const uint64_t dice = random_() % 1000;
    if (dice < 450) return Write(RandomRange());
    if (dice < 800) return Read();
    if (dice < 855) return Discard();
    if (dice < 860) return GrowLog();
    if (dice < 930) return Flush();
    if (dice < 985) return CommitEpoch();
    if (dice < 990) return CheckNextData();
    if (dice < 993) return CommitNothing();
    if (dice < 995) return ReopenInSameBoot();
    if (dice < 997) return ReopenAfterReboot();
    if (dice < 999) return Save();
    return Revert();
  }

  void CheckAll() {
    std::vector<std::byte> bytes(kVolumeBytes);
    REQUIRE(volume_->Read(0, bytes));
    for (uint32_t block = 0; block < kBlocks; ++block) CheckBlock(bytes, model_, 0, block);
  }

  void CheckRevisions() {
    const auto there = volume_->Revisions();
    REQUIRE(there.size() == revisions_.size());
    for (const storage::RevisionUsage& revision : there) {
      INFO("revision " << revision.number);
      storage::VolumeOptions options = Options();
      options.directory = "/view-" + std::to_string(++views_);
      options.revisions = {{.directory = "/volume", .number = revision.number}};
      const auto view = storage::Volume::Open(*fs_, options);
      if (!view) FAIL(view.error().message);
      std::vector<std::byte> bytes(kVolumeBytes);
      REQUIRE((*view)->Read(0, bytes));
      const auto& saved = revisions_.at(revision.number);
      for (uint32_t block = 0; block < kBlocks; ++block) CheckBlock(bytes, saved, 0, block);
    }
  }

 private:
  struct Range {
    uint32_t block;
    uint32_t count;
  };

  Range RandomRange() {
    const bool large = random_() % 20 == 0;
    const auto count = static_cast<uint32_t>(random_() % (large ? kMaxRun : 8) + 1);
    // Half of all operations meet in a small part, where they overwrite each other.
    const uint32_t within = random_() % 2 == 0 ? 400 : kBlocks;
    return {static_cast<uint32_t>(random_() % (within - count)), count};
  }

  storage::VolumeOptions Options() const {
    return {.directory = "/volume",
            .volume_bytes = kVolumeBytes,
            .durability = durability_,
            .image = image_,
            .boot_id = "boot-" + std::to_string(boot_),
            .journal_compaction_bytes = 16 * 1024};
  }

  void Open() {
    if (!fs_) fs_ = std::make_unique<RecordingFileSystem>();
    auto opened = storage::Volume::Open(*fs_, Options());
    if (!opened) FAIL(opened.error().message);
    volume_ = std::move(*opened);
  }

  static void CheckBlock(std::span<const std::byte> bytes, const std::vector<uint64_t>& model, uint32_t first,
                         uint32_t block) {
    const auto stamps = ReadStamps(bytes.subspan(size_t{block - first} * kBlockSize, kBlockSize), block);
    for (const uint64_t stamp : stamps) {
      if (stamp != model[block]) {
        FAIL("block " << block << " holds write " << stamp << ", not " << model[block]);
      }
    }
  }

  void Write(Range range) {
    std::vector<std::byte> bytes(size_t{range.count} * kBlockSize);
    ++stamp_;
    for (uint32_t i = 0; i < range.count; ++i) {
      StampBlock(std::span(bytes).subspan(size_t{i} * kBlockSize, kBlockSize), range.block + i, stamp_);
      model_[range.block + i] = stamp_;
    }
    if (!volume_->Write(uint64_t{range.block} * kBlockSize, bytes)) FAIL("write");
  }

  /// Writes on where the last one stopped, a few times, with a flush after each.
  void GrowLog() {
    if (log_end_ + 50 > kBlocks || random_() % 10 == 0) log_end_ = static_cast<uint32_t>(random_() % 400);
    for (uint64_t times = random_() % 12 + 2; times > 0; --times) {
      const auto count = static_cast<uint32_t>(random_() % 3 + 1);
      Write({log_end_, count});
      log_end_ += count;
      Flush();
    }
  }

  void Read() {
    const Range range = RandomRange();
    std::vector<std::byte> bytes(size_t{range.count} * kBlockSize, std::byte{0x5A});
    if (!volume_->Read(uint64_t{range.block} * kBlockSize, bytes)) FAIL("read");
    for (uint32_t i = 0; i < range.count; ++i) CheckBlock(bytes, model_, range.block, range.block + i);
  }

  void Discard() {
    Range range = RandomRange();
    if (random_() % 30 == 0) range = {0, kBlocks};
    if (!volume_->Discard(uint64_t{range.block} * kBlockSize, uint64_t{range.count} * kBlockSize)) {
      FAIL("discard");
    }
    std::fill_n(model_.begin() + range.block, range.count, kZeroStamp);
  }

  void Flush() {
    if (!volume_->Flush()) FAIL("flush");
    if (durability_ == Durability::kAlways) committed_ = model_;
  }

  void CommitEpoch() {
    if (!volume_->CommitEpoch()) FAIL("commit");
    committed_ = model_;
  }

  void CommitNothing() {
    CommitEpoch();
    const uint64_t calls = fs_->Calls();
    CommitEpoch();
    if (fs_->Calls() != calls) FAIL("a commit of nothing did I/O");
  }

  void Save() {
    if (revisions_.size() == kMaxRevisions) return;
    const uint32_t number = next_revision_;
    next_revision_ += 1 + random_() % 2;  // numbers grow, not always by one
    if (!volume_->SaveRevision(number)) FAIL("save");
    committed_ = model_;
    revisions_[number] = model_;
  }

  void Revert() {
    auto target = revisions_.begin();
    std::advance(target, random_() % (revisions_.size() + 1));
    const auto number = target == revisions_.end() ? std::nullopt : std::optional(target->first);
    volume_.reset();
    fs_ = fs_->AfterProcessDeath(fs_->LogSize(), false);
    if (auto done = storage::RevertDelta(*fs_, Options(), number); !done) FAIL(done.error().message);
    Open();
    model_ = committed_ = number ? target->second : image_model_;
    CheckAll();
    CheckRevisions();
  }

  void CheckNextData() {
    const uint64_t from = random_() % (kBlocks / kBlocksPerChunk);
    const auto found = volume_->NextData(from);
    if (!found) FAIL("next data");
    for (uint64_t chunk = from; chunk < *found; ++chunk) {
      for (uint32_t i = 0; i < kBlocksPerChunk; ++i) {
        if (model_[chunk * kBlocksPerChunk + i] != kZeroStamp) FAIL("data in chunk " << chunk << " missed");
      }
    }
  }

  void ReopenInSameBoot() {
    volume_.reset();
    fs_ = fs_->AfterProcessDeath(fs_->LogSize(), false);
    Open();
    committed_ = model_;
    CheckAll();
  }

  void ReopenAfterReboot() {
    volume_.reset();
    ++boot_;
    // With kAlways, blocks overwritten in place since the last flush may hold either write; a reboot that
    // loses nothing still gives one exact answer for the map, so that is what is compared there.
    const bool lose = durability_ == Durability::kEverySecond && random_() % 2 == 0;
    if (durability_ == Durability::kAlways) return ReopenAlways();
    fs_ = fs_->AfterPowerCut(fs_->LogSize(),
                             [&](size_t, const auto&) { return lose ? Fate::kDropped : Fate::kKept; });
    Open();
    model_ = committed_;
    CheckAll();
  }

  void ReopenAlways() {
    fs_ = fs_->AfterPowerCut(fs_->LogSize(), [](size_t, const auto&) { return Fate::kDropped; });
    Open();
    model_ = committed_;  // nothing unsynced reached the disk, so exactly the last flush is left
    CheckAll();
  }

  std::mt19937_64 random_;
  std::vector<uint64_t> model_;      // the write each block shows
  std::vector<uint64_t> committed_;  // the same at the last commit
  std::vector<uint64_t> image_model_;
  std::map<uint32_t, std::vector<uint64_t>> revisions_;
  uint32_t next_revision_ = 1;
  uint32_t log_end_ = 0;
  int views_ = 0;
  Durability durability_;
  std::shared_ptr<MemoryImage> image_;
  std::unique_ptr<RecordingFileSystem> fs_;
  std::unique_ptr<storage::Volume> volume_;
  uint64_t stamp_ = 1;
  int boot_ = 1;
};

void Run(Durability durability, bool with_image) {
  const uint64_t seed = FromEnvironment("SPAWND_MODEL_SEED", std::random_device{}());
  const uint64_t operations = FromEnvironment("SPAWND_MODEL_OPERATIONS", 25'000);
  ModelRun run(durability, with_image, seed);
  for (uint64_t i = 0; i < operations; ++i) {
    INFO("SPAWND_MODEL_SEED=" << seed << " operation " << i);
    run.Step();
  }
  INFO("SPAWND_MODEL_SEED=" << seed << " at the end");
  run.CheckAll();
  run.CheckRevisions();
}

TEST_CASE("everysec, empty volume") {
  Run(Durability::kEverySecond, false);
}
TEST_CASE("everysec, over an image") {
  Run(Durability::kEverySecond, true);
}
TEST_CASE("always, empty volume") {
  Run(Durability::kAlways, false);
}
TEST_CASE("always, over an image") {
  Run(Durability::kAlways, true);
}

}  // namespace
}  // namespace spawnd::testing
