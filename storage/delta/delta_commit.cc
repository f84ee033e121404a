/// Committing a delta: the cut, the two syncs, the journal's publication and its compaction.
///
/// The order is the whole point. Data is synced before the commit record is appended (invariant 1), the
/// record is durable before a slot that the epoch freed is reused (invariant 2), and a sync that failed is
/// never tried again (invariant 8): the kernel reports lost writes once and then calls the pages clean.
#include <algorithm>
#include <utility>

#include "storage/delta/delta.h"
#include "storage/delta/delta_files.h"

namespace spawnd::storage {
namespace {

// Free space kept in the file for reuse: giving it back makes the next write allocate again.
constexpr uint32_t kEmptyGroupsKept = 16;
constexpr uint32_t kGroupsPerHole = 64;
constexpr int kHolesPerCommit = 16;

// Free slots that a volume which is synced at every commit of its engine keeps ready: a share of what it
// holds, so that a small one stays small.
constexpr uint32_t kShareKeptReady = 8;
constexpr uint32_t kMinKeptReady = 16;

}  // namespace

Result<void> Delta::Commit() {
  TRY(CheckHealthy());
  return rounds_.Share([this] { return CommitRound(nullptr); });
}

Result<void> Delta::CommitRound(RevisionCut* cut) {
  TRY(CheckHealthy());
  const Epoch epoch = gate_.Current();
  bool compact = false;
  {
    std::unique_lock lock(mutex_);
    compact = journal_->Bytes() > compact_above_;
    if (changes_[epoch & 1] == 0 && cut == nullptr) {
      lock.unlock();
      // The map is what the last commit says; at most bytes were overwritten in place.
      return data_dirty_.exchange(false, std::memory_order_acq_rel) ? SyncData() : Result<void>();
    }
  }
  if (epoch == UINT32_MAX - 1) {
    return Poison(
        Error(ErrorCode::kIo, "all 4294967294 epochs are used up; opening it again renumbers them"));
  }

  std::unique_ptr<MapJournal> compacted;
  uint64_t position = 0;
  uint64_t sequence = 0;
  if (cut != nullptr) {
    CutForRevision(epoch, *cut);
  } else if (compact) {
    compacted = CutWithSnapshot(epoch, position, sequence);
  } else {
    gate_.Cut();
  }
  data_dirty_.store(false, std::memory_order_release);
  TRY(SyncData());
  TRY(AppendCommit(epoch));
  if (auto synced = journal_->Sync(); !synced) return Poison(synced.error());
  if (!published_) {
    auto published = PublishJournal();
    if (!published) {
      CarryOver(epoch);
      return published;
    }
  }
  FinishCommit(epoch);
  if (compacted != nullptr) TRY(SwitchJournal(std::move(compacted), epoch, position, sequence));
  GiveSpaceBack();
  WriteAhead();
  return {};
}

Result<void> Delta::SyncData() {
  if (auto synced = data_->Sync(); !synced) return Poison(synced.error());
  return {};
}

Result<void> Delta::AppendCommit(Epoch epoch) {
  std::unique_lock lock(mutex_);
  // Here, where each journal comes by that is synced over and over, and no revision or rewritten map does.
  if (options_.durability == Durability::kAlways) journal_->KeepRoomAhead();
  auto appended = journal_->AppendCommit(epoch);
  if (appended) return {};
  if (journal_->IsBroken()) return Poison(appended.error());
  lock.unlock();
  CarryOver(epoch);
  return appended;
}

Result<void> Delta::PublishJournal() {
  // The file is complete and synced before it gets the name that a later boot trusts (invariant 7), and so is
  // the name of "data": the two renames and creations of a directory may reach the disk in any order.
  if (auto synced = fs_.SyncDirectory(options_.directory); !synced) return Poison(synced.error());
  TRY(fs_.Rename(PathOf(kUnpublishedJournalName), PathOf(kJournalName)));
  published_ = true;
  if (auto synced = fs_.SyncDirectory(options_.directory); !synced) return Poison(synced.error());
  // The directory's own name: Open may have made it, and nobody has synced it since.
  if (auto synced = fs_.SyncDirectory(DirectoryOf(options_.directory)); !synced) {
    return Poison(synced.error());
  }
  return {};
}

void Delta::CarryOver(Epoch epoch) {
  const std::lock_guard lock(mutex_);
  slots_.Merge(waiting_[epoch & 1], waiting_[(epoch + 1) & 1]);
  changes_[(epoch + 1) & 1] += std::exchange(changes_[epoch & 1], 0);
}

void Delta::FinishCommit(Epoch epoch) {
  const std::lock_guard lock(mutex_);
  committed_ = epoch;
  changes_[epoch & 1] = 0;
  slots_.ReleaseAll(waiting_[epoch & 1]);
}

/// Makes the cut and writes the map as it is at the cut into a new file. Operations wait meanwhile, but for
/// no sync and no allocation: the bytes only go to the page cache. Null when that fails; the commit goes on
/// with the old file.
std::unique_ptr<MapJournal> Delta::CutWithSnapshot(Epoch epoch, uint64_t& position, uint64_t& sequence) {
  auto compacted = StartTemporaryJournal();
  gate_.CutAndHold();
  const bool filled = compacted && FillSnapshot(**compacted, epoch);
  position = journal_->Bytes();
  sequence = journal_->NextSequence();
  gate_.Release();
  if (filled) return std::move(*compacted);
  compact_above_ = position * 2;  // a full disk should not make every commit try
  return nullptr;
}

Result<std::unique_ptr<MapJournal>> Delta::StartTemporaryJournal() {
  TRY(RemoveIfThere(kTemporaryJournalName));
  return MapJournal::Create(fs_, PathOf(kTemporaryJournalName), NewHeader());
}

Result<uint64_t> Delta::FillSnapshot(MapJournal& journal, Epoch epoch) {
  size_t used = 0;
  uint64_t new_slots = 0;
  for (uint32_t block = map_.NextEntry(0); block < map_.Blocks(); block = map_.NextEntry(block + 1)) {
    const uint32_t value = map_.Get(block);
    const bool in_slot = BlockMap::IsSlot(value);
    const Epoch tag = in_slot ? slots_.Tag(BlockMap::SlotOf(value)) : epoch;
    if (in_slot && tag > kept_) ++new_slots;
    if (used > 0) {
      MapRun& last = snapshot_runs_[used - 1];
      const uint32_t next_value = BlockMap::IsSlot(last.value) ? last.value + last.count : last.value;
      if (last.block + last.count == block && next_value == value && last.tag == tag) {
        ++last.count;
        continue;
      }
    }
    if (used == snapshot_runs_.size()) {
      TRY(journal.AppendRuns(epoch, snapshot_runs_));
      used = 0;
    }
    snapshot_runs_[used++] = {.block = block, .count = 1, .value = value, .tag = tag};
  }
  if (used > 0) TRY(journal.AppendRuns(epoch, std::span(snapshot_runs_).first(used)));
  return new_slots;
}

Result<void> Delta::SwitchJournal(std::unique_ptr<MapJournal> compacted, Epoch epoch, uint64_t position,
                                  uint64_t sequence) {
  // The epoch is durable in the old journal; the new one says the same before it takes the name.
  MapJournalReader reader(journal_->Underlying(), journal_->Header().salt, position, sequence);
  auto ready = compacted->AppendCommit(epoch);
  if (ready) {
    if (auto synced = compacted->Sync(); !synced) return Poison(synced.error());
    compact_above_ = std::max(options_.journal_compaction_bytes, compacted->Bytes() * 2);
    const std::lock_guard lock(mutex_);
    TRY(CheckHealthy());  // an operation may have withdrawn the trust in the old file; keep it withdrawn
    // What operations appended since the cut. Appending stands still until the switch is done.
    ready = CopyRecords(reader, *compacted);
    if (ready) ready = fs_.Rename(PathOf(kTemporaryJournalName), PathOf(kJournalName));
    if (ready) journal_ = std::move(compacted);
  }
  if (!ready) {
    // Nothing is lost without the new file; the next opening removes what is left of it.
    compact_above_ = position * 2;
    return {};
  }
  // Until this returns a power cut may bring back the old file, which knows the epoch as well. The next
  // commit goes to the new file only, so it must not start before.
  if (auto synced = fs_.SyncDirectory(options_.directory); !synced) return Poison(synced.error());
  return {};
}

Result<void> Delta::CopyRecords(MapJournalReader& reader, MapJournal& to) {
  std::array<MapRun, kBlocksPerDiscard> runs;  // an operation's record is never longer
  static_assert(kBlocksPerDiscard >= kBlocksPerPiece);
  uint64_t copied_to = 0;
  while (true) {
    TRY_ASSIGN(const auto record, reader.Next());
    if (!record) break;
    copied_to = reader.Position();
    if (record->type == RecordType::kCommit) continue;
    for (size_t i = 0; i < record->RunCount(); ++i) runs[i] = record->Run(i);
    TRY(to.AppendRuns(record->epoch, std::span(runs).first(record->RunCount())));
  }
  if (copied_to == journal_->Bytes()) return {};
  return Fail(ErrorCode::kCorrupt, "'" + PathOf(kJournalName) + "' reads back shorter than it was written");
}

void Delta::GiveSpaceBack() {
  for (int hole = 0; punching_ && hole < kHolesPerCommit; ++hole) {
    std::optional<SlotRun> run;
    {
      const std::lock_guard lock(mutex_);
      if (slots_.EmptyGroups() <= kEmptyGroupsKept) return;
      run = slots_.TakeEmptyGroups(std::min(kGroupsPerHole, slots_.EmptyGroups() - kEmptyGroupsKept));
    }
    if (!run) return;
    // Some file systems cannot; then freed space stays in the file for reuse, and nothing else changes.
    if (!data_->PunchHole(uint64_t{run->first} * kBlockSize, uint64_t{run->count} * kBlockSize)) {
      punching_ = false;
    }
    const std::lock_guard lock(mutex_);
    slots_.GiveBack(*run);
  }
}

/// A sync of blocks that were written before, zeros will do, leaves the host's file system nothing to record;
/// one of a file that grew waits for its journal as well. Nobody refers to these slots, so what becomes of
/// the zeros does not matter, nor does it when they find no room. A load that fills slots by the hundred
/// between two syncs would write everything twice, and gain nothing.
void Delta::WriteAhead() {
  if (options_.durability != Durability::kAlways) return;
  SlotRun run;
  {
    const std::lock_guard lock(mutex_);
    const uint32_t grown = slots_.End() - std::exchange(end_at_last_commit_, slots_.End());
    const uint32_t wanted = std::clamp(slots_.InUse() / kShareKeptReady, kMinKeptReady, kMaxKeptReady);
    if (grown > kMaxKeptReady || slots_.Free() >= wanted / 2) return;
    run = slots_.TakeNew(wanted);
  }
  static_cast<void>(
      WriteZeros(*data_, uint64_t{run.first} * kBlockSize, uint64_t{run.count} * kBlockSize).has_value());
  const std::lock_guard lock(mutex_);
  for (uint32_t i = 0; i < run.count; ++i) slots_.Release(run.first + i);
  end_at_last_commit_ = slots_.End();
}

tl::unexpected<Error> Delta::Poison(const Error& cause) {
  {
    const std::lock_guard lock(poison_mutex_);
    if (!poisoned_.exchange(true, std::memory_order_acq_rel)) {
      poison_cause_ = cause.message;
      // The page cache may show data that the disk will never get. Whoever opens the volume next in this boot
      // must not believe it. Should this fail too, there is nothing left to do but what was done: refuse.
      static_cast<void>(journal_->Distrust());
    }
  }
  return Poisoned(cause.message);
}

}  // namespace spawnd::storage
