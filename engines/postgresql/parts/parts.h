/// What of a logical backup is restored: the keys tables, excludeTables, excludeData, schemaOnly and
/// skipExtensions, and the check that all extensions are there. Stands in front of the plan of a backup, of
/// which it knows the tools alone. Job threads.
#pragma once

#include <memory>

#include "engines/restore.h"

namespace spawnd::engines::postgresql {

/// `packing`: of the file. Reads the contents of an archive, or the first 256 MiB of a text for the
/// extensions that it wants.
std::unique_ptr<RecognisedBackup> WithPartsOfArchive(const RestoreRequest& request, const Packing& packing,
                                                     std::unique_ptr<RecognisedBackup> archive);
std::unique_ptr<RecognisedBackup> WithPartsOfText(const RestoreRequest& request, const Packing& packing,
                                                  std::unique_ptr<RecognisedBackup> text);

}  // namespace spawnd::engines::postgresql
