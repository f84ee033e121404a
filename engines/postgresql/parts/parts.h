/// What of a logical backup is restored: the keys tables, excludeTables, excludeData, schemaOnly and
/// skipExtensions, and the check that all extensions are there. Stands in front of the plan of a backup, of
/// which it knows the tools alone. Job threads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engines/postgresql/parts/extensions.h"
#include "engines/restore.h"

namespace spawnd::engines::postgresql {

/// What stands in a text, wherever in its first 256 MiB.
struct TextFindings {
  std::vector<WantedExtension> extensions;
  std::string databases;  ///< the statements that make some, each on a line of its own
};

/// `packing`: of the file. What is wrong with the text is for the restore to say.
TextFindings LookThrough(const RestoreRequest& request, const Packing& packing);

/// Reads the contents of an archive.
std::unique_ptr<RecognisedBackup> WithPartsOfArchive(const RestoreRequest& request, const Packing& packing,
                                                     std::unique_ptr<RecognisedBackup> archive);
std::unique_ptr<RecognisedBackup> WithPartsOfText(const RestoreRequest& request,
                                                  std::vector<WantedExtension> wanted,
                                                  std::unique_ptr<RecognisedBackup> text);

}  // namespace spawnd::engines::postgresql
