/// Tells a damaged journal from one that merely ends in the middle of a record.
///
/// Recovery stops at the first record that is not right (invariant 3). After a crash that is the end of what
/// was written, and everything behind it counts for nothing. After bit rot it is not: records that had been
/// believed would be dropped, and slots that they freed or filled would show the blocks of other moments. So
/// Delta::Open asks this before it replays.
///
/// Pure but for reading; safe from any thread.
#pragma once

#include <optional>
#include <string>

#include "base/file.h"
#include "storage/delta/journal_replay.h"

namespace spawnd::storage {

/// What is wrong with the bytes behind `extent`, which is MeasureJournal's ("record 7 at bytes 544 and
/// following ..."), or nothing. `same_boot`: the journal was written in this boot of the host, so that only
/// the death of its writer can have cut its last record short. Errors: kIo.
Result<std::optional<std::string>> FindJournalDamage(File& journal, const JournalHeader& header,
                                                     const JournalExtent& extent, bool same_boot);

}  // namespace spawnd::storage
