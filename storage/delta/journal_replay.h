/// What of a delta's journal counts, and its runs in order. For opening a delta, and for fsck, which has to
/// believe exactly what opening would.
///
/// Pure but for reading; safe from any thread. Right records end at the first one that is not (invariant 3);
/// whether that is the end of what was written, or damage, is for storage/delta/journal_damage.h to say.
#pragma once

#include <functional>
#include <string>

#include "base/file.h"
#include "storage/delta/map_journal_format.h"

namespace spawnd::storage {

/// How far the right records of a journal go.
struct JournalExtent {
  uint64_t bytes = 0;    ///< where the last of them ends
  uint64_t records = 0;  ///< sequences run from 1 to this
  Epoch last_seen = 0;
  Epoch last_commit = 0;

  /// The last epoch that counts. In the boot that wrote the journal every completed write is in the page
  /// cache, synced or not, so all of it counts; in any other only what was committed.
  Epoch LastToReplay(bool same_boot) const { return same_boot ? last_seen : last_commit; }
};

/// Whether the journal was written in this boot of the host and has not been distrusted since.
bool WrittenInBoot(const JournalHeader& header, const std::string& boot_id);

/// Errors: kIo.
Result<JournalExtent> MeasureJournal(File& journal, const JournalHeader& header);

/// Calls `on_run` for each run up to the epoch `last`, in the journal's order, which is the map's. Errors:
/// kIo, kCorrupt (a run beyond the end of the volume), or what `on_run` says, which ends it.
Result<void> ReplayJournal(File& journal, const JournalHeader& header, Epoch last,
                           const std::function<Result<void>(const MapRun&)>& on_run);

}  // namespace spawnd::storage
