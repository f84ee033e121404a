/// What a delta holds beside its revisions, and getting rid of it: of a volume that nobody goes on writing to
/// but whose revisions other volumes lie on.
///
/// The delta must not be open for writing anywhere; volumes that lie on its revisions may be. Safe from any
/// thread.
#pragma once

#include <string>

#include "base/file.h"
#include "base/result.h"

namespace spawnd::storage {

/// Frees the space of whatever no revision holds and makes the journal say what the last revision says. A
/// crash inside leaves a delta that has to go back to a revision before it is opened again, as it has to
/// afterwards. Does nothing when that was done already. Errors: kNotFound (it has no revision), kCorrupt,
/// kIo, kNoSpace.
Result<void> DropUnsaved(FileSystem& fs, const std::string& directory);

}  // namespace spawnd::storage
