/// Revisions of a delta on disk: the files "revision-<N>", each the whole block map as it was at one cut, in
/// the journal's own format. Written by Delta::SaveRevision, never changed, complete once they have their
/// name; the slots they name hold their bytes for as long as they are there.
///
/// Functions without state, safe from any thread. What they need of a delta that another process has open is
/// only what cannot change.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "storage/delta/map_journal_format.h"

namespace spawnd::storage {

/// "revision-7". Numbers are from 1.
std::string RevisionName(uint32_t number);
/// The number in such a name; nothing for any other, "revision-7.tmp" and "revision-07" too.
std::optional<uint32_t> RevisionNumber(std::string_view name);
/// The numbers of all revisions in a delta's directory, ascending.
Result<std::vector<uint32_t>> ListRevisions(FileSystem& fs, const std::string& directory);

/// What a revision's header has to say.
struct RevisionOwner {
  uint64_t volume_bytes = 0;
  uint64_t image_identity = 0;
};

/// Reads one revision's runs in the order of their blocks, and checks every byte of the file. Returns its
/// header. `on_run` sees runs before the whole file is known to be right. Errors: kNotFound (the message
/// names what there is), kCorrupt naming the file, kInvalidArgument (of another volume or image),
/// kUnsupported, kIo, or what `on_run` says.
Result<JournalHeader> ReadRevision(FileSystem& fs, const std::string& directory, uint32_t number,
                                   const RevisionOwner& owner,
                                   const std::function<Result<void>(const MapRun&)>& on_run);

/// Makes the journal of a closed delta say what a revision says, or nothing (the image's state) without one.
/// Durable when it returns; a crash inside leaves the old state or the new one, and doing it again does no
/// harm. Costs what the revision's map costs to copy. Revisions stay; slots that no revision holds are free
/// at the next opening.
Result<void> RevertJournal(FileSystem& fs, const std::string& directory, const RevisionOwner& owner,
                           std::optional<uint32_t> revision);

}  // namespace spawnd::storage
