#include "storage/delta/journal_replay.h"

#include <algorithm>

#include "storage/delta/map_journal.h"
#include "storage/geometry.h"

namespace spawnd::storage {

bool WrittenInBoot(const JournalHeader& header, const std::string& boot_id) {
  return !boot_id.empty() && header.boot_id == boot_id;
}

Result<JournalExtent> MeasureJournal(File& journal, const JournalHeader& header) {
  JournalExtent extent;
  for (MapJournalReader reader(journal, header.salt);;) {
    TRY_ASSIGN(const auto record, reader.Next());
    extent.bytes = reader.Position();
    if (!record) return extent;
    ++extent.records;
    extent.last_seen = std::max(extent.last_seen, record->epoch);
    if (record->type == RecordType::kCommit) extent.last_commit = record->epoch;
  }
}

Result<void> ReplayJournal(File& journal, const JournalHeader& header, Epoch last,
                           const std::function<Result<void>(const MapRun&)>& on_run) {
  for (MapJournalReader reader(journal, header.salt);;) {
    TRY_ASSIGN(const auto record, reader.Next());
    if (!record) return {};
    // Records of the next epoch stand before the commit record when operations ran during the commit.
    if (record->type != RecordType::kRuns || record->epoch > last) continue;
    for (size_t i = 0; i < record->RunCount(); ++i) {
      const MapRun run = record->Run(i);
      if ((uint64_t{run.block} + run.count) * kBlockSize > header.volume_bytes) {
        return Fail(ErrorCode::kCorrupt,
                    "maps block " + std::to_string(run.block) + " beyond the end of the volume");
      }
      TRY(on_run(run));
    }
  }
}

}  // namespace spawnd::storage
