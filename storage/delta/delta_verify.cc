#include "storage/delta/delta_verify.h"

#include <fmt/core.h>

#include <optional>
#include <utility>

#include "storage/delta/block_map.h"
#include "storage/delta/delta_files.h"
#include "storage/delta/journal_damage.h"
#include "storage/delta/journal_replay.h"
#include "storage/delta/map_journal.h"
#include "storage/delta/revision.h"
#include "storage/geometry.h"

namespace spawnd::storage {
namespace {

Error Damaged(std::string what) {
  return {ErrorCode::kCorrupt, std::move(what)};
}

/// One delta while it is being checked.
class DeltaCheck {
 public:
  DeltaCheck(FileSystem& fs, std::string directory, std::string boot_id)
      : fs_(fs), directory_(std::move(directory)), boot_id_(std::move(boot_id)) {}

  Result<std::vector<DeltaProblem>> Run() {
    TRY_ASSIGN(const bool there, fs_.Exists(directory_));
    if (!there) {
      Add(directory_, "is missing");
      return std::move(problems_);
    }
    TRY_ASSIGN(const bool has_data, fs_.Exists(PathOf(kDataName)));
    if (has_data) {
      TRY_ASSIGN(const auto data, fs_.Open(PathOf(kDataName), OpenMode::kRead));
      TRY_ASSIGN(const uint64_t bytes, data->Size());
      slots_ = bytes / kBlockSize;
    }
    TRY_ASSIGN(const std::optional<std::string> journal, JournalPath());
    if (journal) {
      TRY(Note(*journal, CheckJournalFile(*journal)));
    } else if (slots_ > 0) {
      Add(PathOf(kJournalName), "is missing, but there is data: the volume would start as its image is");
    }
    if (header_) TRY(CheckRevisions());
    return std::move(problems_);
  }

 private:
  std::string PathOf(const std::string& name) const { return directory_ + "/" + name; }
  void Add(std::string file, std::string what) { problems_.push_back({std::move(file), std::move(what)}); }

  /// What is wrong with the file is a finding; what keeps us from knowing is an error.
  Result<void> Note(const std::string& file, Result<void> checked) {
    if (checked) return {};
    if (checked.error().code == ErrorCode::kIo) return checked;
    Add(file, checked.error().message);
    return {};
  }

  Result<std::optional<std::string>> JournalPath() {
    for (const char* name : {kJournalName, kUnpublishedJournalName}) {
      TRY_ASSIGN(const bool there, fs_.Exists(PathOf(name)));
      if (there) return std::optional(PathOf(name));
    }
    return std::optional<std::string>();
  }

  Result<void> CheckJournalFile(const std::string& path) {
    TRY_ASSIGN(const auto file, fs_.Open(path, OpenMode::kRead));
    TRY_ASSIGN(header_, ReadJournalHeader(*file, path));
    const bool same_boot = WrittenInBoot(*header_, boot_id_);
    // One that never committed counts only in its own boot; in any other nothing was promised.
    if (path.ends_with(kUnpublishedJournalName) && !same_boot) return {};
    TRY_ASSIGN(const JournalExtent extent, MeasureJournal(*file, *header_));
    TRY_ASSIGN(const auto damage, FindJournalDamage(*file, *header_, extent, same_boot));
    if (damage) return Fail(Damaged(*damage));
    TRY_ASSIGN(auto map, BlockMap::Create(static_cast<uint32_t>(header_->volume_bytes / kBlockSize)));
    const auto apply = [&map](const MapRun& run) -> Result<void> {
      for (uint32_t i = 0; i < run.count; ++i) {
        map.Set(run.block + i, BlockMap::IsSlot(run.value) ? run.value + i : run.value);
      }
      return {};
    };
    TRY(ReplayJournal(*file, *header_, extent.LastToReplay(same_boot), apply));
    return CheckSlots(map);
  }

  Result<void> CheckSlots(const BlockMap& map) const {
    std::vector<bool> taken(slots_);
    for (uint32_t block = map.NextEntry(0); block < map.Blocks(); block = map.NextEntry(block + 1)) {
      const uint32_t value = map.Get(block);
      if (!BlockMap::IsSlot(value)) continue;
      const uint32_t slot = BlockMap::SlotOf(value);
      if (slot >= slots_) {
        return Fail(Damaged(fmt::format("maps block {} to slot {}, but '{}' has {} slots", block, slot,
                                        PathOf(kDataName), slots_)));
      }
      if (taken[slot]) return Fail(Damaged(fmt::format("maps two blocks to slot {}", slot)));
      taken[slot] = true;
    }
    return {};
  }

  Result<void> CheckRevisions() {
    const RevisionOwner owner{.volume_bytes = header_->volume_bytes,
                              .image_identity = header_->image_identity};
    TRY_ASSIGN(const auto numbers, ListRevisions(fs_, directory_));
    for (const uint32_t number : numbers) {
      const auto in_file = [this](const MapRun& run) -> Result<void> {
        if (!BlockMap::IsSlot(run.value)) return {};
        if (uint64_t{BlockMap::SlotOf(run.value)} + run.count <= slots_) return {};
        return Fail(
            Damaged(fmt::format("maps block {} behind the end of '{}'", run.block, PathOf(kDataName))));
      };
      auto read = ReadRevision(fs_, directory_, number, owner, in_file);
      TRY(Note(PathOf(RevisionName(number)), read ? Result<void>() : Fail(std::move(read.error()))));
    }
    return {};
  }

  FileSystem& fs_;
  std::string directory_;
  std::string boot_id_;
  uint64_t slots_ = 0;
  std::optional<JournalHeader> header_;
  std::vector<DeltaProblem> problems_;
};

}  // namespace

Result<std::vector<DeltaProblem>> VerifyDelta(FileSystem& fs, const std::string& directory,
                                              const std::string& boot_id) {
  return DeltaCheck(fs, directory, boot_id).Run();
}

}  // namespace spawnd::storage
