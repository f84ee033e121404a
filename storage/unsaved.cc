#include "storage/unsaved.h"

#include <algorithm>
#include <vector>

#include "storage/delta/block_map.h"
#include "storage/delta/delta_files.h"
#include "storage/delta/map_journal.h"
#include "storage/delta/revision.h"
#include "storage/geometry.h"

namespace spawnd::storage {
namespace {

/// Going back to a revision writes a journal that trusts nothing after its one commit, and opening it writes
/// another: so one without a boot id says that nothing was written since.
Result<bool> IsDone(FileSystem& fs, const std::string& directory) {
  const std::string path = directory + "/" + kJournalName;
  TRY_ASSIGN(const bool there, fs.Exists(path));
  if (!there) return false;
  TRY_ASSIGN(const auto journal, fs.Open(path, OpenMode::kRead));
  const auto header = ReadJournalHeader(*journal, path);
  return header && header->boot_id.empty();
}

Result<RevisionOwner> OwnerOf(FileSystem& fs, const std::string& directory, uint32_t number) {
  const std::string path = directory + "/" + RevisionName(number);
  TRY_ASSIGN(const auto file, fs.Open(path, OpenMode::kRead));
  TRY_ASSIGN(const JournalHeader header, ReadJournalHeader(*file, path));
  return RevisionOwner{.volume_bytes = header.volume_bytes, .image_identity = header.image_identity};
}

/// Some file systems cannot; then the space stays with the file, and nothing else changes.
void PunchUnused(File& data, const std::vector<bool>& used) {
  const auto slots = used.size();
  for (size_t slot = 0; slot < slots;) {
    if (used[slot]) {
      ++slot;
      continue;
    }
    size_t end = slot;
    while (end < slots && !used[end]) ++end;
    if (!data.PunchHole(uint64_t{slot} * kBlockSize, uint64_t{end - slot} * kBlockSize)) return;
    slot = end;
  }
}

}  // namespace

Result<void> DropUnsaved(FileSystem& fs, const std::string& directory) {
  TRY_ASSIGN(const auto numbers, ListRevisions(fs, directory));
  if (numbers.empty()) return Fail(ErrorCode::kNotFound, "'" + directory + "' holds no revision");
  TRY_ASSIGN(const bool done, IsDone(fs, directory));
  if (done) return {};
  TRY_ASSIGN(const RevisionOwner owner, OwnerOf(fs, directory, numbers.back()));
  TRY_ASSIGN(const auto data, fs.Open(directory + "/" + kDataName, OpenMode::kReadWrite));
  TRY_ASSIGN(const uint64_t bytes, data->Size());
  std::vector<bool> used(bytes / kBlockSize);
  for (const uint32_t number : numbers) {
    // Where one of them cannot be read nobody knows what it needs.
    TRY(ReadRevision(fs, directory, number, owner, [&used](const MapRun& run) -> Result<void> {
      if (!BlockMap::IsSlot(run.value)) return {};
      std::fill_n(used.begin() + BlockMap::SlotOf(run.value), run.count, true);
      return {};
    }));
  }
  PunchUnused(*data, used);
  // Last: it is what says that it was done.
  return RevertJournal(fs, directory, owner, numbers.back());
}

}  // namespace spawnd::storage
