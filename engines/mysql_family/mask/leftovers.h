/// What of old values is elsewhere than in the tables that were masked, and what does not fit them any more.
/// Used by one thread at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/mask/mask.h"
#include "engines/mysql_family/mask/find.h"

namespace spawnd::engines::mysql_family {

/// The oldest MySQL that can be masked: from here on the files of its old row versions can be made anew.
inline constexpr std::string_view kFirstToMask = "8.0.14";

/// kInvalidArgument for what the server keeps of rows and cannot be told to forget: tables in files that they
/// share, statistics of values.
Result<void> ExpectNothingKept(const RunSql& run, const std::vector<MaskedTable>& tables, bool is_mariadb);

/// kInvalidArgument for a foreign key of or to a masked column that does not hold any more.
Result<void> CheckForeignKeys(const RunSql& run, const std::vector<MaskedTable>& tables,
                              const std::vector<MaskRule>& rules);

/// Empties the tables that the server logs statements in, whatever has become of them. None is written to any
/// more.
Result<void> EmptyLogTables(const RunSql& run);

/// Has the server write over its redo log, and over or anew what it has of old versions of rows.
Result<void> WriteOverOldVersions(const RunSql& run, bool is_mariadb);

}  // namespace spawnd::engines::mysql_family
