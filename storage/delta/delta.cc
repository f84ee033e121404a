/// Operations of a delta: read, write, discard, look-ups. Opening is in delta_recovery.cc, committing in
/// delta_commit.cc.
#include "storage/delta/delta.h"

#include <algorithm>
#include <cstring>

#include "storage/delta/delta_files.h"

namespace spawnd::storage {

struct Delta::WritePlan {
  uint32_t block = 0;
  uint32_t count = 0;
  std::array<uint32_t, kBlocksPerPiece> slots{};
  std::array<bool, kBlocksPerPiece> fresh{};  // given out for this write, not mapped yet
  uint32_t ahead_wanted = 0;                  // blocks behind it that should get slots along with it
  SlotRun ahead;                              // theirs, with zeros in them, which is what they read as
};

struct Delta::DiscardPlan {
  uint32_t block = 0;
  uint32_t count = 0;
  std::array<bool, kBlocksPerDiscard> data_below{};
};

Result<void> Delta::CheckHealthy() {
  if (!poisoned_.load(std::memory_order_acquire)) return {};
  const std::lock_guard lock(poison_mutex_);
  return Poisoned(poison_cause_);
}

tl::unexpected<Error> Delta::Poisoned(const std::string& cause) const {
  return Fail(ErrorCode::kPoisoned, "volume '" + options_.directory + "' is poisoned: " + cause);
}

Result<void> Delta::Read(uint32_t block, std::span<std::byte> out) {
  TRY(CheckHealthy());
  const EpochGate::Pass pass(gate_);
  while (!out.empty()) {
    const size_t bytes = std::min<size_t>(out.size(), size_t{kBlocksPerPiece} * kBlockSize);
    TRY(ReadPiece(block, out.first(bytes)));
    block += static_cast<uint32_t>(bytes / kBlockSize);
    out = out.subspan(bytes);
  }
  return {};
}

Result<void> Delta::ReadPiece(uint32_t block, std::span<std::byte> out) {
  const auto count = static_cast<uint32_t>(out.size() / kBlockSize);
  std::array<uint32_t, kBlocksPerPiece> values;
  {
    const std::lock_guard lock(mutex_);
    for (uint32_t i = 0; i < count; ++i) values[i] = map_.Get(block + i);
  }
  // The pass keeps every slot seen here from being reused until this read has left.
  for (uint32_t i = 0; i < count;) {
    const uint32_t value = values[i];
    const bool in_slot = BlockMap::IsSlot(value);
    uint32_t run = 1;
    while (i + run < count && values[i + run] == (in_slot ? value + run : value)) ++run;
    const std::span<std::byte> part = out.subspan(size_t{i} * kBlockSize, size_t{run} * kBlockSize);
    if (in_slot) {
      TRY(ReadExactly(*data_, uint64_t{BlockMap::SlotOf(value)} * kBlockSize, part, PathOf(kDataName)));
    } else if (value == BlockMap::kZero) {
      std::memset(part.data(), 0, part.size());
    } else {
      TRY(below_.Read(block + i, part));
    }
    i += run;
  }
  return {};
}

Result<void> Delta::Write(uint32_t block, std::span<const std::byte> data) {
  TRY(CheckHealthy());
  const CommitRounds::Operation operation(rounds_);
  const EpochGate::Pass pass(gate_);
  while (!data.empty()) {
    const size_t bytes = std::min<size_t>(data.size(), size_t{kBlocksPerPiece} * kBlockSize);
    TRY(WritePiece(pass.OwnEpoch(), block, data.first(bytes)));
    block += static_cast<uint32_t>(bytes / kBlockSize);
    data = data.subspan(bytes);
  }
  return {};
}

Result<void> Delta::WritePiece(Epoch epoch, uint32_t block, std::span<const std::byte> data) {
  WritePlan plan;
  plan.block = block;
  plan.count = static_cast<uint32_t>(data.size() / kBlockSize);
  TRY(PlanWrite(epoch, plan));
  if (plan.ahead_wanted > 0) PrepareAhead(epoch, plan);
  auto done = WriteSlots(plan, data);
  // Only after the write: a commit clears the flag before it syncs, so a flag set earlier could be cleared by
  // a sync that did not see these bytes.
  data_dirty_.store(true, std::memory_order_release);
  // Data before the record that maps it: a record never refers to bytes that are not in the file.
  if (done) done = RecordWrite(epoch, plan);
  if (!done) ReleaseFresh(plan);
  return done;
}

Result<void> Delta::PlanWrite(Epoch epoch, WritePlan& plan) {
  // Overwriting in place is right when no state that a crash can bring back needs the old bytes: with
  // kEverySecond that means a slot of the epoch being written, with kAlways any slot no revision holds.
  const std::lock_guard lock(mutex_);
  const Epoch floor = options_.durability == Durability::kAlways ? pinned_ + 1 : epoch;
  for (uint32_t i = 0; i < plan.count; ++i) {
    const uint32_t value = map_.Get(plan.block + i);
    plan.fresh[i] = !BlockMap::IsSlot(value) || slots_.Tag(BlockMap::SlotOf(value)) < floor;
    if (!plan.fresh[i]) plan.slots[i] = BlockMap::SlotOf(value);
  }
  for (uint32_t i = 0; i < plan.count;) {
    if (!plan.fresh[i]) {
      ++i;
      continue;
    }
    uint32_t wanted = 1;
    while (i + wanted < plan.count && plan.fresh[i + wanted]) ++wanted;
    const SlotRun run = slots_.Allocate(wanted, epoch);
    if (run.count == 0) {
      for (uint32_t j = 0; j < i; ++j) {
        if (plan.fresh[j]) slots_.Release(plan.slots[j]);
      }
      return Fail(ErrorCode::kNoSpace, "volume '" + options_.directory + "' has no free slot");
    }
    for (uint32_t j = 0; j < run.count; ++j) plan.slots[i + j] = run.first + j;
    i += run.count;
  }
  if (options_.durability == Durability::kAlways) NoteSequence(epoch, plan);
  return {};
}

/// Holds mutex_.
void Delta::NoteSequence(Epoch epoch, WritePlan& plan) {
  uint32_t mapped = plan.count;
  while (mapped > 0 && plan.fresh[mapped - 1]) --mapped;
  if (mapped == plan.count) return;
  plan.ahead_wanted = sequences_.Note(plan.block + mapped, plan.block + plan.count, epoch);
}

/// Gives slots with zeros in them to blocks behind the write that read as zeros, so that writing those next
/// overwrites in place and needs one sync in place of two. That is worth nothing to anybody but them, so
/// whatever goes wrong is left out.
void Delta::PrepareAhead(Epoch epoch, WritePlan& plan) {
  const uint32_t end = plan.block + plan.count;
  const auto data_below = below_.NextData(end);
  if (!data_below) return;
  {
    const std::lock_guard lock(mutex_);
    const uint32_t limit = std::min(options_.blocks - end, plan.ahead_wanted);
    uint32_t count = 0;
    while (count < limit) {
      const uint32_t value = map_.Get(end + count);
      const bool zeros =
          value == BlockMap::kZero || (value == BlockMap::kAbsent && end + count < *data_below);
      if (!zeros) break;
      ++count;
    }
    if (count == 0) return;
    // Those that WriteAhead keeps ready are left to others: here zeros are written anyway.
    if (slots_.Free() < count + kMaxKeptReady) plan.ahead = slots_.AllocateNew(count, epoch);
    if (plan.ahead.count == 0) plan.ahead = slots_.Allocate(count, epoch);
    sequences_.Prepared(end, end + plan.ahead.count);
  }
  if (plan.ahead.count == 0) return;
  if (WriteZeros(*data_, uint64_t{plan.ahead.first} * kBlockSize, uint64_t{plan.ahead.count} * kBlockSize)) {
    return;
  }
  const std::lock_guard lock(mutex_);
  ReleaseAhead(plan, 0);
}

/// Holds mutex_. Keeps the first `kept` slots.
void Delta::ReleaseAhead(WritePlan& plan, uint32_t kept) {
  for (uint32_t i = kept; i < plan.ahead.count; ++i) slots_.Release(plan.ahead.first + i);
  plan.ahead.count = kept;
}

Result<void> Delta::WriteSlots(const WritePlan& plan, std::span<const std::byte> data) {
  for (uint32_t i = 0; i < plan.count;) {
    uint32_t run = 1;
    while (i + run < plan.count && plan.slots[i + run] == plan.slots[i] + run) ++run;
    TRY(data_->WriteAt(uint64_t{plan.slots[i]} * kBlockSize,
                       data.subspan(size_t{i} * kBlockSize, size_t{run} * kBlockSize)));
    i += run;
  }
  return {};
}

Result<void> Delta::RecordWrite(Epoch epoch, WritePlan& plan) {
  std::array<MapRun, kBlocksPerPiece + 1> runs;
  size_t used = 0;
  for (uint32_t i = 0; i < plan.count;) {
    uint32_t run = 1;
    while (plan.fresh[i] && i + run < plan.count && plan.fresh[i + run] &&
           plan.slots[i + run] == plan.slots[i] + run) {
      ++run;
    }
    if (plan.fresh[i]) {
      runs[used++] = {
          .block = plan.block + i, .count = run, .value = BlockMap::ValueOf(plan.slots[i]), .tag = epoch};
    }
    i += run;
  }
  const std::lock_guard lock(mutex_);
  // Who wrote one of those blocks since they were looked at must not find zeros there.
  const uint32_t end = plan.block + plan.count;
  uint32_t untouched = 0;
  while (untouched < plan.ahead.count && !BlockMap::IsSlot(map_.Get(end + untouched))) ++untouched;
  ReleaseAhead(plan, untouched);
  if (untouched > 0) {
    runs[used++] = {
        .block = end, .count = untouched, .value = BlockMap::ValueOf(plan.ahead.first), .tag = epoch};
  }
  return ChangeMap(epoch, std::span(runs).first(used));
}

void Delta::ReleaseFresh(WritePlan& plan) {
  const std::lock_guard lock(mutex_);
  ReleaseAhead(plan, 0);
  for (uint32_t i = 0; i < plan.count; ++i) {
    if (plan.fresh[i]) slots_.Release(plan.slots[i]);
  }
}

Result<void> Delta::ChangeMap(Epoch epoch, std::span<const MapRun> runs) {
  if (runs.empty()) return {};
  auto appended = journal_->AppendRuns(epoch, runs);
  if (!appended) {
    if (journal_->IsBroken()) return Poison(appended.error());
    return appended;
  }
  ++changes_[epoch & 1];
  for (const MapRun& run : runs) SetBlocks(run);
  return {};
}

void Delta::SetBlocks(const MapRun& run) {
  const bool in_slots = BlockMap::IsSlot(run.value);
  for (uint32_t i = 0; i < run.count; ++i) {
    const uint32_t old = map_.Get(run.block + i);
    map_.Set(run.block + i, in_slots ? run.value + i : run.value);
    if (!BlockMap::IsSlot(old)) continue;
    if (slots_.Tag(BlockMap::SlotOf(old)) <= kept_) continue;  // a revision's
    if (slots_.Tag(BlockMap::SlotOf(old)) <= pinned_) {
      slots_.Wait(BlockMap::SlotOf(old), undecided_);
      continue;
    }
    // To the newest epoch's list, also when a commit of this operation's own epoch is under way: an operation
    // of the new epoch may have looked the slot up already, and only the next cut waits for that one.
    slots_.Wait(BlockMap::SlotOf(old), waiting_[gate_.Current() & 1]);
  }
}

Result<void> Delta::Discard(uint32_t block, uint64_t count) {
  TRY(CheckHealthy());
  const CommitRounds::Operation operation(rounds_);
  const auto end = static_cast<uint32_t>(block + count);
  uint32_t data_below = 0;
  while (block < end) {
    // Straight to the next block that does not read as zeros already, however far it is.
    if (data_below <= block) {
      TRY_ASSIGN(data_below, below_.NextData(block));
    }
    const uint32_t next = std::min(NextEntry(block), data_below);
    if (next >= end) break;
    DiscardPlan plan;
    plan.block = next;
    plan.count = std::min(end - next, kBlocksPerDiscard);
    // A pass for each piece: a discard of a whole disk must not keep a commit waiting.
    const EpochGate::Pass pass(gate_);
    TRY(FindData(plan));
    TRY(RecordDiscard(pass.OwnEpoch(), plan));
    block = next + plan.count;
  }
  return {};
}

Result<void> Delta::FindData(DiscardPlan& plan) {
  const uint32_t end = plan.block + plan.count;
  uint32_t block = plan.block;
  while (true) {
    TRY_ASSIGN(block, below_.NextData(block));
    if (block >= end) return {};
    plan.data_below[block - plan.block] = true;
    ++block;
  }
}

Result<void> Delta::RecordDiscard(Epoch epoch, const DiscardPlan& plan) {
  std::array<MapRun, kBlocksPerDiscard> runs;
  size_t used = 0;
  const std::lock_guard lock(mutex_);
  for (uint32_t i = 0; i < plan.count; ++i) {
    const uint32_t block = plan.block + i;
    const uint32_t value = plan.data_below[i] ? BlockMap::kZero : BlockMap::kAbsent;
    if (map_.Get(block) == value) continue;
    if (used > 0 && runs[used - 1].block + runs[used - 1].count == block && runs[used - 1].value == value) {
      ++runs[used - 1].count;
    } else {
      runs[used++] = {.block = block, .count = 1, .value = value, .tag = epoch};
    }
  }
  return ChangeMap(epoch, std::span(runs).first(used));
}

Delta::Blocks Delta::Count(uint32_t block, uint32_t count) {
  Blocks blocks;
  const std::lock_guard lock(mutex_);
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t value = map_.Get(block + i);
    if (BlockMap::IsSlot(value)) ++blocks.in_slots;
    if (value == BlockMap::kZero) ++blocks.zeroed;
  }
  return blocks;
}

uint32_t Delta::NextEntry(uint32_t block) {
  const std::lock_guard lock(mutex_);
  return map_.NextEntry(block);
}

VolumeUsage Delta::Usage() {
  const std::lock_guard lock(mutex_);
  return {.delta_bytes = uint64_t{slots_.InUse()} * kBlockSize,
          .journal_bytes = journal_->Bytes(),
          .epoch = gate_.Current(),
          .committed_epoch = committed_};
}

}  // namespace spawnd::storage
