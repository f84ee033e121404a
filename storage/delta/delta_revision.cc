/// Revisions of a delta: keeping the map of one cut for good, and finding what was kept when it is opened.
///
/// From its cut on, every slot of the map belongs to the revision that is being saved, before anybody knows
/// whether it will be: an operation that replaces such a slot puts it on the list undecided_. When the file
/// has its name, durably, the slots stay; when saving failed they are freed like any other.
#include <algorithm>

#include "storage/delta/delta.h"
#include "storage/delta/delta_files.h"
#include "storage/delta/revision.h"

namespace spawnd::storage {

struct Delta::RevisionCut {
  MapJournal& file;
  Epoch epoch = 0;
  uint64_t new_slots = 0;  // that no revision before holds
  Result<void> filled = Fail(ErrorCode::kInternal, "no cut was made");
};

Result<RevisionUsage> Delta::SaveRevision(uint32_t number) {
  const std::lock_guard one_at_a_time(save_mutex_);
  TRY(CheckHealthy());
  const auto there = Revisions();
  if (number == 0 || (!there.empty() && number <= there.back().number)) {
    return Fail(ErrorCode::kAlreadyExists, "volume '" + options_.directory + "' has revision " +
                                               std::to_string(there.empty() ? 0 : there.back().number) +
                                               " already, so the next cannot be " + std::to_string(number));
  }
  const std::string temporary = RevisionName(number) + kTemporarySuffix;
  TRY(RemoveIfThere(temporary.c_str()));
  TRY_ASSIGN(const auto file, MapJournal::Create(fs_, PathOf(temporary.c_str()), NewHeader()));
  RevisionCut cut{.file = *file};
  // A round of its own, because no other makes this cut.
  auto saved = rounds_.MakeOwn([this, &cut] { return CommitRound(&cut); });
  if (saved) saved = std::move(cut.filled);
  if (saved) saved = PublishRevision(*file, cut.epoch, number);
  const std::lock_guard lock(mutex_);
  if (!saved) {
    // An unfinished file counts for nothing, so it does no harm where it cannot be removed.
    static_cast<void>(RemoveIfThere(temporary.c_str()));
    pinned_ = kept_;
    slots_.Merge(undecided_, waiting_[gate_.Current() & 1]);
    return Fail(std::move(saved.error()));
  }
  kept_ = pinned_;
  undecided_ = {};
  revisions_.push_back({.number = number, .unique_bytes = cut.new_slots * kBlockSize});
  return revisions_.back();
}

/// Makes the cut and writes down the map as it is there. Operations wait meanwhile, but for no sync.
void Delta::CutForRevision(Epoch epoch, RevisionCut& cut) {
  gate_.CutAndHold();
  cut.epoch = epoch;
  auto filled = FillSnapshot(cut.file, epoch);
  std::unique_lock lock(mutex_);
  if (filled) {
    // What the revision holds must not make the volume narrower for those who go on writing.
    const uint64_t room = uint64_t{slots_.MaxSlots()} + *filled;
    auto reserved = slots_.Reserve(static_cast<uint32_t>(std::min<uint64_t>(room, BlockMap::kMaxSlot)));
    if (!reserved) filled = Fail(std::move(reserved.error()));
  }
  if (filled) {
    pinned_ = epoch;
    cut.new_slots = *filled;
    cut.filled = {};
  } else {
    cut.filled = Fail(std::move(filled.error()));
  }
  lock.unlock();
  gate_.Release();
}

/// The commit of the cut is durable, so the bytes of all its slots are.
Result<void> Delta::PublishRevision(MapJournal& file, Epoch epoch, uint32_t number) {
  const std::string name = RevisionName(number);
  TRY(file.AppendCommit(epoch));
  if (auto synced = file.Sync(); !synced) return Poison(synced.error());
  TRY(fs_.Rename(PathOf((name + kTemporarySuffix).c_str()), PathOf(name.c_str())));
  if (auto synced = fs_.SyncDirectory(options_.directory); !synced) return Poison(synced.error());
  return {};
}

std::vector<RevisionUsage> Delta::Revisions() {
  const std::lock_guard lock(mutex_);
  return revisions_;
}

Result<void> Delta::FindRevisions() {
  TRY_ASSIGN(const auto names, fs_.List(options_.directory));
  for (const std::string& name : names) {
    const std::string_view suffix = kTemporarySuffix;
    if (name.ends_with(suffix) && RevisionNumber(name.substr(0, name.size() - suffix.size()))) {
      TRY(RemoveIfThere(name.c_str()));
    }
  }
  TRY_ASSIGN(const auto numbers, ListRevisions(fs_, options_.directory));
  for (const uint32_t number : numbers) revisions_.push_back({.number = number, .unique_bytes = 0});
  return {};
}

/// The live map's slots are adopted already, with tags above kRevisionTag. Which slots revisions hold is read
/// from their files and not concluded from epochs, so epochs may be counted anew at any opening.
Result<void> Delta::AdoptRevisions() {
  const RevisionOwner owner{.volume_bytes = uint64_t{options_.blocks} * kBlockSize,
                            .image_identity = options_.image_identity};
  for (RevisionUsage& revision : revisions_) {
    const auto adopt = [&](const MapRun& run) -> Result<void> {
      if (!BlockMap::IsSlot(run.value)) return {};
      for (uint32_t i = 0; i < run.count; ++i) {
        const uint32_t slot = BlockMap::SlotOf(run.value) + i;
        if (!slots_.Adopt(slot, kRevisionTag)) {
          if (slots_.Tag(slot) == kRevisionTag) continue;  // an earlier revision has it too
          slots_.SetTag(slot, kRevisionTag);
        }
        revision.unique_bytes += kBlockSize;
      }
      return {};
    };
    TRY(ReadRevision(fs_, options_.directory, revision.number, owner, adopt));
  }
  kept_ = pinned_ = revisions_.empty() ? 0 : kRevisionTag;
  return {};
}

}  // namespace spawnd::storage
