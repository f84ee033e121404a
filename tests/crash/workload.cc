#include "tests/crash/workload.h"

#include <random>

namespace spawnd::testing {

using storage::Durability;
using storage::kBlockSize;
using storage::kBlocksPerChunk;
using storage::kChunkSize;

namespace {

std::vector<Step> Make(uint32_t seed, size_t length, size_t opens, bool late_commit, bool revisions) {
  std::mt19937 random(seed);
  std::vector<Step> steps;
  const size_t per_open = length / opens;
  for (size_t i = 0; i < length; ++i) {
    if (i % per_open == 0 && i / per_open < opens) {
      steps.push_back({.kind = Step::Kind::kOpen});
      continue;
    }
    const uint32_t dice = random() % 100;
    Step step{.kind = Step::Kind::kWrite, .stamp = 100 + i};
    if (dice >= 62) step.kind = Step::Kind::kDiscard;
    if (dice >= 74) step.kind = Step::Kind::kFlush;
    if (dice >= 84) step.kind = Step::Kind::kCommit;
    if (revisions && dice >= 90) step.kind = Step::Kind::kSave;
    if (revisions && dice >= 95) step.kind = Step::Kind::kRevert;
    if (late_commit && i < per_open && dice >= 74) step.kind = Step::Kind::kWrite;
    if (late_commit && revisions && i + 4 == per_open) step.kind = Step::Kind::kRevert;
    step.count = 1 + random() % (dice % 8 == 0 ? 24 : 5);
    step.block = random() % (kCrashBlocks - step.count);
    if (step.kind == Step::Kind::kDiscard) step.stamp = kZeroStamp;
    steps.push_back(step);
    if (step.kind == Step::Kind::kRevert) steps.push_back({.kind = Step::Kind::kOpen});
  }
  return steps;
}

}  // namespace

std::vector<Step> MakeSteps(uint32_t seed, size_t length, size_t opens, bool late_commit) {
  return Make(seed, length, opens, late_commit, false);
}

std::vector<Step> MakeStepsWithRevisions(uint32_t seed, size_t length, size_t opens, bool late_commit) {
  return Make(seed, length, opens, late_commit, true);
}

std::vector<Step> MakeLogSteps(uint32_t seed, size_t length, size_t opens, bool /*late_commit*/) {
  std::mt19937 random(seed);
  std::vector<Step> steps;
  constexpr uint32_t kLogEnd = 24;
  uint32_t end = kLogEnd;  // of what is written of the log
  const size_t per_open = length / opens;
  for (size_t opened = 0; steps.size() < length;) {
    if (steps.size() >= opened * per_open && opened < opens) {
      steps.push_back({.kind = Step::Kind::kOpen});
      ++opened;
    }
    if (end >= kLogEnd) {  // the next log
      end = 4;
      steps.push_back({.kind = Step::Kind::kDiscard, .block = 2, .count = kLogEnd, .stamp = kZeroStamp});
    }
    const auto count = static_cast<uint32_t>(2 + random() % 2);
    steps.push_back({.block = end - 1, .count = count, .stamp = 100 + steps.size()});
    end += count - 1;
    if (random() % 4 == 0) {
      const bool discard = random() % 2 == 0;
      steps.push_back({.kind = discard ? Step::Kind::kDiscard : Step::Kind::kWrite,
                       .block = static_cast<uint32_t>(end + random() % 4),
                       .count = 1,
                       .stamp = discard ? kZeroStamp : 100 + steps.size()});
    }
    steps.push_back({.kind = random() % 16 == 0 ? Step::Kind::kSave : Step::Kind::kFlush});
  }
  return steps;
}

std::shared_ptr<MemoryImage> MakeCrashImage() {
  auto image = std::make_shared<MemoryImage>(kCrashVolumeBytes);
  for (uint32_t chunk = 0; chunk < kCrashBlocks / kBlocksPerChunk; chunk += 4) {
    std::vector<std::byte> bytes(kChunkSize);
    for (uint32_t i = 0; i < kBlocksPerChunk; ++i) {
      StampBlock(std::span(bytes).subspan(size_t{i} * kBlockSize, kBlockSize), chunk * kBlocksPerChunk + i,
                 1);
    }
    image->Put(chunk, std::move(bytes));
  }
  return image;
}

CrashRun::CrashRun(Durability durability, bool with_image)
    : durability_(durability), image_(with_image ? MakeCrashImage() : nullptr) {}

storage::VolumeOptions CrashRun::OptionsFor(const std::string& boot_id) const {
  return {.directory = "/volume",
          .volume_bytes = kCrashVolumeBytes,
          .durability = durability_,
          .image = image_,
          .boot_id = boot_id,
          .journal_compaction_bytes = 1200};
}

Result<std::unique_ptr<storage::Volume>> CrashRun::OpenIn(RecordingFileSystem& fs,
                                                          const std::string& boot_id) {
  return storage::Volume::Open(fs, OptionsFor(boot_id));
}

Result<void> CrashRun::Do(RecordingFileSystem& fs, TriedStep& tried) {
  const Step& step = tried.step;
  const uint64_t offset = uint64_t{step.block} * kBlockSize;
  const size_t bytes = size_t{step.count} * kBlockSize;
  switch (step.kind) {
    case Step::Kind::kOpen: {
      volume_.reset();
      TRY_ASSIGN(volume_, OpenIn(fs, "first boot"));
      return {};
    }
    case Step::Kind::kWrite: {
      std::vector<std::byte> data(bytes);
      for (uint32_t i = 0; i < step.count; ++i) {
        StampBlock(std::span(data).subspan(size_t{i} * kBlockSize, kBlockSize), step.block + i, step.stamp);
      }
      return volume_->Write(offset, data);
    }
    case Step::Kind::kDiscard:
      return volume_->Discard(offset, bytes);
    case Step::Kind::kFlush:
      return volume_->Flush();
    case Step::Kind::kCommit:
      return volume_->CommitEpoch();
    case Step::Kind::kSave: {
      const auto there = volume_->Revisions();
      tried.revision = there.empty() ? 1 : there.back().number + 1;
      return volume_->SaveRevision(tried.revision).map([](const auto&) {});
    }
    case Step::Kind::kRevert: {
      const auto there = volume_->Revisions();
      const size_t choice = step.stamp % (there.size() + 1);
      tried.revision = choice == 0 ? 0 : there[choice - 1].number;
      volume_.reset();
      return storage::RevertDelta(fs, OptionsFor("first boot"),
                                  choice == 0 ? std::nullopt : std::optional(tried.revision));
    }
  }
  return {};
}

void CrashRun::Run(RecordingFileSystem& fs, const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    // What a volume shows that was opened after a failed sync depends on more than this list of steps knows.
    if (broken_ && (step.kind == Step::Kind::kOpen || step.kind == Step::Kind::kRevert)) return;
    TriedStep tried{.step = step, .log_begin = fs.LogSize()};
    doing_ = step.kind;
    const auto done = Do(fs, tried);
    doing_ = Step::Kind::kWrite;
    tried.log_end = fs.LogSize();
    tried.succeeded = done.has_value();
    tried_.push_back(tried);
    if (done) continue;
    if (volume_ == nullptr || done.error().code == ErrorCode::kPoisoned) {
      broken_ = true;
    }
    if (volume_ == nullptr) return;
  }
}

bool CrashRun::Promises(const TriedStep& tried) const {
  switch (tried.step.kind) {
    case Step::Kind::kOpen:  // recovery makes durable what it found
    case Step::Kind::kCommit:
    case Step::Kind::kSave:
    case Step::Kind::kRevert:
      return true;
    case Step::Kind::kFlush:
      return durability_ == Durability::kAlways;
    case Step::Kind::kWrite:
    case Step::Kind::kDiscard:
      return false;
  }
  return false;
}

int CrashRun::LastPromise(size_t operations) const {
  int last = -1;
  for (size_t i = 0; i < tried_.size() && tried_[i].log_end <= operations; ++i) {
    if (tried_[i].succeeded && Promises(tried_[i])) last = static_cast<int>(i);
  }
  return last;
}

CrashRun::Blocks CrashRun::Image() const {
  Blocks allowed(kCrashBlocks, {kZeroStamp});
  if (image_ == nullptr) return allowed;
  for (uint32_t block = 0; block < kCrashBlocks; ++block) {
    if (block / kBlocksPerChunk % 4 == 0) allowed[block] = {1};
  }
  return allowed;
}

/// A revision was saved by the last save of its number that may have worked; what the volume showed then is
/// known before anything else happened to it.
void CrashRun::AddRevert(Allowed& allowed, const TriedStep& tried, bool surely) const {
  const Blocks& target = tried.revision == 0 ? Image() : allowed.revisions.at(tried.revision);
  if (surely && tried.succeeded) {
    allowed.blocks = target;
    return;
  }
  for (uint32_t block = 0; block < kCrashBlocks; ++block) {
    allowed.blocks[block].insert(target[block].begin(), target[block].end());
  }
}

void CrashRun::Add(Allowed& allowed, const TriedStep& tried, bool surely) const {
  const Step& step = tried.step;
  if (step.kind == Step::Kind::kRevert) AddRevert(allowed, tried, surely);
  if (step.kind == Step::Kind::kSave) allowed.revisions[tried.revision] = allowed.blocks;
  if (step.kind != Step::Kind::kWrite && step.kind != Step::Kind::kDiscard) return;
  for (uint32_t block = step.block; block < step.block + step.count; ++block) {
    if (surely && tried.succeeded) allowed.blocks[block].clear();
    allowed.blocks[block].insert(step.stamp);
  }
}

std::string CrashRun::Compare(const Blocks& allowed, const Shown& shown) {
  for (uint32_t block = 0; block < kCrashBlocks; ++block) {
    for (const uint64_t stamp : shown[block]) {
      if (allowed[block].contains(stamp)) continue;
      std::string text =
          "block " + std::to_string(block) + " shows write " + std::to_string(stamp) + ", allowed are";
      for (const uint64_t other : allowed[block]) text += " " + std::to_string(other);
      return text;
    }
  }
  return {};
}

std::string CrashRun::JudgeEverySecond(size_t operations, const Shown& shown) const {
  // Exactly one cut: the last that was promised, or one that was tried after it and got far enough.
  Allowed allowed = Initial();
  const int promised = LastPromise(operations);
  std::string complaints;
  for (int i = -1; i < static_cast<int>(tried_.size()); ++i) {
    if (i >= 0 && tried_[static_cast<size_t>(i)].log_begin >= operations && i > promised) break;
    if (i >= 0) Add(allowed, tried_[static_cast<size_t>(i)], true);
    const bool cut = i < 0 || Promises(tried_[static_cast<size_t>(i)]);
    if (i < promised || !cut) continue;
    const std::string complaint = Compare(allowed.blocks, shown);
    if (complaint.empty()) return {};
    complaints += "; not the cut of step " + std::to_string(i) + ": " + complaint;
  }
  return complaints;
}

std::string CrashRun::JudgeAlways(size_t operations, const Shown& shown) const {
  // What was flushed, and over it any of the writes that began since, each sector for itself, as on a disk.
  Allowed allowed = Initial();
  const int promised = LastPromise(operations);
  for (int i = 0; i < static_cast<int>(tried_.size()); ++i) {
    const TriedStep& tried = tried_[static_cast<size_t>(i)];
    if (i > promised && tried.log_begin >= operations) break;
    Add(allowed, tried, i <= promised);
  }
  return Compare(allowed.blocks, shown);
}

std::string CrashRun::JudgePowerCut(size_t operations, const Shown& shown) const {
  return durability_ == Durability::kAlways ? JudgeAlways(operations, shown)
                                            : JudgeEverySecond(operations, shown);
}

std::string CrashRun::JudgeProcessDeath(size_t operations, const Shown& shown) const {
  // Everything that completed is there; what was under way may be there in part.
  Allowed allowed = Initial();
  for (const TriedStep& tried : tried_) {
    if (tried.log_end > operations && tried.log_begin >= operations) break;
    Add(allowed, tried, tried.log_end <= operations);
  }
  std::string complaint = Compare(allowed.blocks, shown);
  // After a failed sync the page cache is not believed, and the volume goes back as after a power cut.
  if (broken_ && !complaint.empty()) return JudgePowerCut(operations, shown);
  return complaint;
}

std::string CrashRun::JudgeRevisions(RecordingFileSystem& fs, storage::Volume& volume,
                                     size_t operations) const {
  Allowed allowed = Initial();
  std::set<uint32_t> promised;
  for (const TriedStep& tried : tried_) {
    if (tried.log_begin >= operations) break;
    Add(allowed, tried, true);
    if (tried.step.kind != Step::Kind::kSave || tried.log_end > operations) continue;
    if (tried.succeeded) promised.insert(tried.revision);
  }
  for (const storage::RevisionUsage& revision : volume.Revisions()) {
    const std::string name = "revision " + std::to_string(revision.number);
    promised.erase(revision.number);
    if (!allowed.revisions.contains(revision.number)) return name + " comes from nowhere";
    storage::VolumeOptions options = OptionsFor("view");
    options.directory = "/view-" + std::to_string(revision.number);
    options.revisions = {{.directory = "/volume", .number = revision.number}};
    const auto view = storage::Volume::Open(fs, options);
    if (!view) return name + ": " + view.error().message;
    const auto shown = ReadAll(**view);
    if (!shown) return name + ": " + shown.error().message;
    if (std::string complaint = Compare(allowed.revisions.at(revision.number), *shown); !complaint.empty()) {
      return name + ": " + complaint;
    }
  }
  return promised.empty() ? "" : "revision " + std::to_string(*promised.begin()) + " is gone";
}

Result<Shown> CrashRun::ReadAll(storage::Volume& volume) {
  std::vector<std::byte> bytes(kCrashVolumeBytes);
  TRY(volume.Read(0, bytes));
  Shown shown(kCrashBlocks);
  for (uint32_t block = 0; block < kCrashBlocks; ++block) {
    shown[block] = ReadStamps(std::span(bytes).subspan(size_t{block} * kBlockSize, kBlockSize), block);
  }
  return shown;
}

std::string CrashRun::TryOut(storage::Volume& volume, const Shown& before) {
  constexpr uint64_t kStamp = 99;
  for (uint32_t block = 0; block < kCrashBlocks; block += 2) {
    std::vector<std::byte> data(kBlockSize);
    StampBlock(data, block, kStamp);
    if (!volume.Write(uint64_t{block} * kBlockSize, data)) return "a write after recovery failed";
    if (block % 10 == 0 && !volume.CommitEpoch()) return "a commit after recovery failed";
  }
  const auto after = ReadAll(volume);
  if (!after) return "a read after recovery failed: " + after.error().message;
  for (uint32_t block = 0; block < kCrashBlocks; ++block) {
    std::array<uint64_t, kSectorsPerBlock> expected = before[block];
    if (block % 2 == 0) expected.fill(kStamp);
    if ((*after)[block] != expected) return "after recovery a write changed block " + std::to_string(block);
  }
  return {};
}

}  // namespace spawnd::testing
