/// Threads write, discard and read while another commits; then the power is cut at many points. Under
/// everysec what is left must be a consistent cut: if a write is there, so is every one that had completed
/// before it began.
#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <random>
#include <thread>

#include "tests/crash/workload.h"
#include "tests/support/catch.h"

namespace spawnd::testing {
namespace {

using storage::kBlockSize;

constexpr uint32_t kThreads = 4;
constexpr uint32_t kBlocksPerThread = kCrashBlocks / kThreads;
constexpr uint64_t kMinWrites = 150;  // and on, until there were enough commits between them
constexpr uint64_t kMaxWrites = 5000;
constexpr uint64_t kEnoughCommits = 25;

struct TimedWrite {
  uint32_t block;
  uint64_t stamp;
  uint64_t began;
  uint64_t ended;
};

/// Writes blocks of one thread's own share in random order, and reads each back.
void WriteShare(storage::Volume& volume, uint32_t thread, std::atomic<uint64_t>& clock,
                std::vector<TimedWrite>& writes, std::atomic<bool>& wrong) {
  std::minstd_rand random(thread + 1);
  std::vector<std::byte> data(kBlockSize);
  for (uint64_t i = 0; i < kMaxWrites; ++i) {
    if (i >= kMinWrites && volume.Usage().committed_epoch >= kEnoughCommits) return;
    std::this_thread::yield();
    const uint32_t block = thread * kBlocksPerThread + random() % kBlocksPerThread;
    const bool discard = random() % 6 == 0;
    const uint64_t stamp = discard ? kZeroStamp : 10'000 * (thread + 1) + i;
    TimedWrite write{.block = block, .stamp = stamp, .began = clock.fetch_add(1), .ended = 0};
    StampBlock(data, block, stamp);
    const uint64_t offset = uint64_t{block} * kBlockSize;
    const auto done = discard ? volume.Discard(offset, kBlockSize) : volume.Write(offset, data);
    write.ended = clock.fetch_add(1);
    writes.push_back(write);
    const auto read = volume.Read(offset, data);
    if (!done || !read || ReadStamps(data, block)[3] != stamp) wrong = true;
  }
}

/// Whether a set of writes can be a cut: for each block the latest one that may be included, given that no
/// write which began after time `cut` is, and every write that ended before it is.
bool IsCutAt(uint64_t cut, const std::vector<std::vector<TimedWrite>>& by_thread, const Shown& shown) {
  for (const auto& writes : by_thread) {
    const uint32_t first = writes.front().block / kBlocksPerThread * kBlocksPerThread;
    std::vector<std::set<uint64_t>> allowed(kBlocksPerThread, {kZeroStamp});
    for (const TimedWrite& write : writes) {
      if (write.began > cut) break;
      if (write.ended <= cut) allowed[write.block - first].clear();
      allowed[write.block - first].insert(write.stamp);
    }
    for (uint32_t i = 0; i < kBlocksPerThread; ++i) {
      for (const uint64_t stamp : shown[first + i]) {
        if (!allowed[i].contains(stamp)) return false;
      }
    }
  }
  return true;
}

TEST_CASE("everysec: commits beside running operations are consistent cuts") {
  RecordingFileSystem fs;
  fs.SlowSyncs(std::chrono::microseconds(300));
  CrashRun run(storage::Durability::kEverySecond, false);
  auto volume = run.OpenIn(fs, "first boot");
  REQUIRE(volume);
  std::atomic<uint64_t> clock{1};
  std::atomic<bool> wrong{false};
  std::atomic<bool> stop{false};
  std::vector<std::vector<TimedWrite>> by_thread(kThreads);
  std::thread committer([&] {
    while (!stop) {
      if (!(*volume)->CommitEpoch()) wrong = true;
      std::this_thread::yield();
    }
  });
  std::vector<std::thread> writers;
  for (uint32_t i = 0; i < kThreads; ++i) {
    writers.emplace_back([&, i] { WriteShare(**volume, i, clock, by_thread[i], wrong); });
  }
  for (std::thread& writer : writers) writer.join();
  stop = true;
  committer.join();
  REQUIRE_FALSE(wrong);
  CHECK((*volume)->Usage().committed_epoch >= kEnoughCommits);

  const size_t stride = std::max<size_t>(1, fs.LogSize() / 150);
  uint64_t cut = 0;  // later crashes never show an earlier cut
  for (size_t operations = 0; operations <= fs.LogSize(); operations += stride) {
    const auto disk = fs.AfterPowerCut(operations, [&](size_t index, const auto&) {
      return index * 7 % 3 == 0 ? Fate::kKept : Fate::kDropped;
    });
    const auto recovered = run.OpenIn(*disk, "second boot");
    REQUIRE(recovered);
    const auto shown = CrashRun::ReadAll(**recovered);
    REQUIRE(shown);
    while (cut <= clock && !IsCutAt(cut, by_thread, *shown)) ++cut;
    INFO("power cut after operation " << operations << " of " << fs.LogSize());
    REQUIRE(cut <= clock);
  }
}

std::vector<std::byte> Block(uint32_t block, uint64_t stamp) {
  std::vector<std::byte> data(kBlockSize);
  StampBlock(data, block, stamp);
  return data;
}

TEST_CASE("always: what is written before a log, just when that prepares its next blocks, is not lost") {
  constexpr uint32_t kBefore = 3;  // blocks
  RecordingFileSystem fs;
  CrashRun run(storage::Durability::kAlways, false);
  std::unique_ptr<storage::Volume> volume;
  std::optional<uint32_t> log_at;  // while it writes
  std::map<uint32_t, uint64_t> others;
  fs.BeforeWrites([&](std::span<const std::byte> data) {
    if (!log_at || data.front() != std::byte{} || data.back() != std::byte{}) return;
    const uint32_t block = *std::exchange(log_at, std::nullopt) + kBefore;
    others[block] = 10'000 + block;
    REQUIRE(volume->Write(uint64_t{block} * kBlockSize, Block(block, others[block])));
  });
  auto opened = run.OpenIn(fs, "first boot");
  REQUIRE(opened);
  volume = std::move(*opened);
  for (uint32_t block = 0; block + kBefore < kCrashBlocks; ++block) {
    if (others.contains(block)) continue;
    log_at = block;
    REQUIRE(volume->Write(uint64_t{block} * kBlockSize, Block(block, 1)));
    log_at.reset();
    REQUIRE(volume->Flush());
  }
  CHECK(others.size() > 5);
  const auto shown = CrashRun::ReadAll(*volume);
  REQUIRE(shown);
  for (const auto& [block, stamp] : others) CHECK((*shown)[block].front() == stamp);
}

}  // namespace
}  // namespace spawnd::testing
