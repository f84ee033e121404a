/// The step that has the client program read statements: a dump, a script, or one file of a folder of dumps.
/// Pure.
#pragma once

#include <string>

#include "engines/engine.h"
#include "engines/mysql_family/backup_format.h"
#include "engines/mysql_family/product.h"

namespace spawnd::engines::mysql_family {

struct SqlSource {
  std::string name;  ///< for messages
  bool is_script = false;
  Packing packing{};
  DumpHeader header{};
  std::string input_file{};  ///< RestoreStep::input_file
  /// What it goes into, whatever the target says; empty: the target's, else the header's.
  std::string database{};
  bool is_one_of_several = false;  ///< not every table that is named need be in it
};

/// kUnsupported where the client is missing; kInvalidArgument for keys that are no names here.
Result<RestoreStep> MakeSqlStep(const Product& product, const Installation& installation,
                                const RestoreTarget& target, const SqlSource& source);

}  // namespace spawnd::engines::mysql_family
