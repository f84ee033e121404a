/// Tells a damaged journal from one that merely ends in the middle of a record.
///
/// Recovery stops at the first record that is not right (invariant 3). After a crash that is the end of what
/// was written, and everything behind it counts for nothing. After bit rot it is not: records that had been
/// believed would be dropped, and slots that they freed or filled would show the blocks of other moments. So
/// this is asked before a volume is opened.
///
/// Pure but for reading; safe from any thread.
#pragma once

#include <optional>
#include <string>

#include "base/file.h"
#include "storage/delta/map_journal_format.h"

namespace spawnd::storage {

/// What is wrong ("bytes 544 to 576: ..."), or nothing. `same_boot`: the journal was written in this boot of
/// the host, so that only the death of its writer can have cut its last record short. Errors: kIo.
Result<std::optional<std::string>> FindJournalDamage(File& journal, const JournalHeader& header,
                                                     bool same_boot);

/// The same for the journal of a delta in `directory`, as kCorrupt naming the file. No journal is no damage.
Result<void> CheckJournal(FileSystem& fs, const std::string& directory, const std::string& boot_id);

}  // namespace spawnd::storage
