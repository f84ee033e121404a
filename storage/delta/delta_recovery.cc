/// Opening a delta: from nothing, or from what the last process or the last boot left.
///
/// Three names, and what each means to whoever finds it:
///   journal      complete up to its last commit. Records after that count only in the boot that wrote them.
///   journal.new  never committed. Counts as a whole in the boot that wrote it, and not at all in another.
///   journal.tmp  counts for nothing.
/// Recovery reads, and writes only files that count for nothing, until one rename makes the result count. So
/// it can be cut off anywhere and starts again from the same state (invariant 5). What it then truncates or
/// removes is referred to by nothing.
#include <algorithm>

#include "base/random.h"
#include "storage/checksum.h"
#include "storage/delta/delta.h"
#include "storage/delta/delta_files.h"
#include "storage/delta/journal_damage.h"
#include "storage/delta/journal_replay.h"

namespace spawnd::storage {
namespace {

// Recovery starts counting anew above this, so that a session has 2 billion epochs before it.
constexpr Epoch kRenumberAbove = 1U << 31;

}  // namespace

Delta::Delta(FileSystem& fs, DeltaOptions options, Below& below)
    : fs_(fs),
      options_(std::move(options)),
      below_(below),
      compact_above_(options_.journal_compaction_bytes) {}

Result<std::unique_ptr<Delta>> Delta::Open(FileSystem& fs, DeltaOptions options, Below& below) {
  std::unique_ptr<Delta> delta(new Delta(fs, std::move(options), below));
  TRY(delta->Load());
  return delta;
}

JournalHeader Delta::NewHeader() const {
  const std::string random = RandomId();
  return {.volume_bytes = uint64_t{options_.blocks} * kBlockSize,
          .image_identity = options_.image_identity,
          .salt = Checksum(std::as_bytes(std::span(random))),
          .boot_id = options_.boot_id};
}

Result<void> Delta::RemoveIfThere(const char* name) {
  auto removed = fs_.Remove(PathOf(name));
  if (!removed && removed.error().code == ErrorCode::kNotFound) return {};
  return removed;
}

Result<void> Delta::Load() {
  TRY(fs_.CreateDirectory(options_.directory));
  TRY(FindRevisions());
  TRY(MakeTables());
  const std::string path = PathOf(kJournalName);
  TRY_ASSIGN(const bool committed, fs_.Exists(path));
  if (committed) {
    TRY_ASSIGN(const auto journal, fs_.Open(path, OpenMode::kReadWrite));
    TRY_ASSIGN(const JournalHeader header, ReadJournalHeader(*journal, path));
    return Recover(*journal, header, path);
  }
  const std::string unpublished = PathOf(kUnpublishedJournalName);
  TRY_ASSIGN(const bool started, fs_.Exists(unpublished));
  if (started) {
    TRY_ASSIGN(const auto journal, fs_.Open(unpublished, OpenMode::kReadWrite));
    const auto header = ReadJournalHeader(*journal, unpublished);
    // Of another boot, or torn by a power cut: nothing was ever promised to be in it.
    if (header && header->boot_id == options_.boot_id) return Recover(*journal, *header, unpublished);
    if (!header && header.error().code != ErrorCode::kCorrupt) return Fail(header.error());
  }
  return StartFresh();
}

Result<void> Delta::MakeTables() {
  TRY_ASSIGN(map_, BlockMap::Create(options_.blocks));
  // In one epoch every block can be rewritten while its old slot waits: two slots a block. The third is for
  // blocks that are written and discarded in turn; beyond that a write gets kNoSpace until the next commit.
  // Whatever revisions hold is in the file, and comes on top.
  uint64_t slots = uint64_t{options_.blocks} * 3 + 1024;
  if (!revisions_.empty()) {
    TRY_ASSIGN(const auto data, fs_.Open(PathOf(kDataName), OpenMode::kRead));
    TRY_ASSIGN(const uint64_t bytes, data->Size());
    slots += bytes / kBlockSize;
  }
  TRY_ASSIGN(slots_,
             SlotAllocator::Create(static_cast<uint32_t>(std::min<uint64_t>(slots, BlockMap::kMaxSlot))));
  return {};
}

Result<void> Delta::StartFresh() {
  // A revision is there only after a commit, which left a journal behind.
  if (!revisions_.empty()) {
    return Fail(ErrorCode::kCorrupt, "'" + PathOf(kJournalName) + "' is missing, but revisions are there",
                "Going back to one of them makes it anew.");
  }
  // No sync here: until the first commit there is nothing a power cut could take that was promised.
  TRY(RemoveIfThere(kUnpublishedJournalName));
  TRY_ASSIGN(data_, fs_.Open(PathOf(kDataName), OpenMode::kCreate));
  TRY(data_->Truncate(0));
  TRY_ASSIGN(journal_, MapJournal::Create(fs_, PathOf(kUnpublishedJournalName), NewHeader()));
  return {};
}

Result<void> Delta::CheckHeader(const JournalHeader& header, const std::string& path) const {
  if (header.volume_bytes != uint64_t{options_.blocks} * kBlockSize) {
    return Fail(ErrorCode::kInvalidArgument, "'" + path + "' belongs to a volume of " +
                                                 std::to_string(header.volume_bytes) + " bytes, not " +
                                                 std::to_string(uint64_t{options_.blocks} * kBlockSize));
  }
  if (header.image_identity != options_.image_identity) {
    return Fail(ErrorCode::kInvalidArgument, "'" + path + "' belongs to a volume over another image");
  }
  return {};
}

Result<void> Delta::Recover(File& journal, const JournalHeader& header, const std::string& path) {
  TRY(CheckHeader(header, path));
  const bool same_boot = WrittenInBoot(header, options_.boot_id);
  TRY_ASSIGN(const JournalExtent extent, MeasureJournal(journal, header));
  // Replaying would take damage for the end, and everything behind it for never written.
  TRY_ASSIGN(const auto damage, FindJournalDamage(journal, header, extent, same_boot));
  if (damage) return Fail(ErrorCode::kCorrupt, "journal '" + path + "': " + *damage);
  TRY(Replay(journal, header, extent.LastToReplay(same_boot), path));

  const bool renumber = extent.last_seen > kRenumberAbove;
  const Epoch epoch = renumber ? FirstEpoch() : std::max(extent.last_seen, FirstEpoch());
  TRY(AdoptSlots(renumber, path));
  TRY(AdoptRevisions());
  TRY(CheckDataFile());
  // Of another boot only what was committed counts, and a commit record is never durable before its data is
  // (invariant 1).
  auto synced = same_boot ? data_->Sync() : Result<void>();
  if (!synced) {
    // Another try would succeed without having written anything (invariant 8). So this boot loses its
    // privilege, and the next try goes back to the last commit. Failing that there is nothing left to do.
    static_cast<void>(WriteDistrustedHeader(journal, header));
    return Poisoned(synced.error().message);
  }
  TRY(PublishRecovered(epoch, path == PathOf(kJournalName)));
  committed_ = epoch;
  gate_.StartAt(epoch + 1);
  // Slots behind the last one in use hold what was never committed, or was freed. Nothing refers to them any
  // more, not even after a power cut, since the rename above is durable.
  return data_->Truncate(uint64_t{slots_.End()} * kBlockSize);
}

Result<void> Delta::Replay(File& journal, const JournalHeader& header, Epoch last, const std::string& path) {
  const auto apply = [this](const MapRun& run) -> Result<void> {
    const bool in_slots = BlockMap::IsSlot(run.value);
    if (in_slots && uint64_t{BlockMap::SlotOf(run.value)} + run.count > slots_.MaxSlots()) {
      return Fail(ErrorCode::kCorrupt, "maps block " + std::to_string(run.block) + " beyond the last slot");
    }
    for (uint32_t i = 0; i < run.count; ++i) {
      map_.Set(run.block + i, in_slots ? run.value + i : run.value);
      if (in_slots) slots_.SetTag(BlockMap::SlotOf(run.value) + i, run.tag);
    }
    return {};
  };
  auto replayed = ReplayJournal(journal, header, last, apply);
  if (replayed || replayed.error().code != ErrorCode::kCorrupt) return replayed;
  return Fail(ErrorCode::kCorrupt, "journal '" + path + "' " + replayed.error().message);
}

Result<void> Delta::AdoptSlots(bool renumber, const std::string& path) {
  for (uint32_t block = map_.NextEntry(0); block < map_.Blocks(); block = map_.NextEntry(block + 1)) {
    const uint32_t value = map_.Get(block);
    if (!BlockMap::IsSlot(value)) continue;
    const uint32_t slot = BlockMap::SlotOf(value);
    if (!slots_.Adopt(slot, renumber ? FirstEpoch() : std::max(slots_.Tag(slot), FirstEpoch()))) {
      return Fail(ErrorCode::kCorrupt, "'" + path + "' maps two blocks to slot " + std::to_string(slot));
    }
  }
  return {};
}

Result<void> Delta::CheckDataFile() {
  const std::string path = PathOf(kDataName);
  TRY_ASSIGN(const bool there, fs_.Exists(path));
  if (!there) return Fail(ErrorCode::kCorrupt, "'" + path + "' is missing, but its journal is there");
  TRY_ASSIGN(data_, fs_.Open(path, OpenMode::kReadWrite));
  TRY_ASSIGN(const uint64_t size, data_->Size());
  if (size >= uint64_t{slots_.End()} * kBlockSize) return {};
  return Fail(ErrorCode::kCorrupt, "'" + path + "' is truncated: " + std::to_string(size) + " bytes for " +
                                       std::to_string(slots_.End()) + " slots");
}

Result<void> Delta::PublishRecovered(Epoch epoch, bool was_published) {
  // As in every commit: of a sync that fails nobody knows what it did, and a second one would say nothing.
  const auto sync_directory = [this](const std::string& path) -> Result<void> {
    if (auto synced = fs_.SyncDirectory(path); !synced) return Poisoned(synced.error().message);
    return {};
  };
  TRY_ASSIGN(journal_, StartTemporaryJournal());
  TRY(FillSnapshot(*journal_, epoch));
  TRY(journal_->AppendCommit(epoch));
  if (auto synced = journal_->Sync(); !synced) return Poisoned(synced.error().message);
  // A volume that never committed: the name of "data" must not come after that of the journal.
  if (!was_published) TRY(sync_directory(options_.directory));
  TRY(fs_.Rename(PathOf(kTemporaryJournalName), PathOf(kJournalName)));
  TRY(sync_directory(options_.directory));
  // Again: the process that published it may have been killed before it did this.
  TRY(sync_directory(DirectoryOf(options_.directory)));
  TRY(RemoveIfThere(kUnpublishedJournalName));
  published_ = true;
  compact_above_ = std::max(options_.journal_compaction_bytes, journal_->Bytes() * 2);
  return {};
}

}  // namespace spawnd::storage
