/// Folders of dumps: mydumper's, which are SQL files of known names, MySQL Shell's (shell_dump.h), and what
/// other tools make, which are refused with the way to an image. Thread and life of a plan.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engines/engine.h"
#include "engines/mysql_family/product.h"

namespace spawnd::engines::mysql_family {

/// One file of mydumper's.
struct DumpFile {
  std::string name;      ///< in the folder
  std::string database;  ///< that it goes into
  int phase = 0;         ///< files of a lower one come first
};

/// Those that are restored, in order; of names that are none of mydumper's, none.
std::vector<DumpFile> FilesOfMydumper(const std::vector<std::string>& names);

/// kInvalidArgument or kUnsupported for any other folder, and for one that mydumper did not finish.
Result<std::unique_ptr<RecognisedBackup>> RecogniseDumpFolder(const Product& product,
                                                              const RestoreRequest& request);

}  // namespace spawnd::engines::mysql_family
