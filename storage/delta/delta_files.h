/// Names of the files in a delta's directory. Revisions have theirs from storage/delta/revision.h.
#pragma once

namespace spawnd::storage {

inline constexpr char kDataName[] = "data";
inline constexpr char kJournalName[] = "journal";
/// A journal that no commit has published yet: means something only to the boot that wrote it.
inline constexpr char kUnpublishedJournalName[] = "journal.new";
/// A journal being rewritten; means nothing to whoever finds it.
inline constexpr char kTemporaryJournalName[] = "journal.tmp";
/// A revision that was not finished, "revision-7.tmp"; as above.
inline constexpr char kTemporarySuffix[] = ".tmp";

}  // namespace spawnd::storage
