/// Rewriting the rows of one table with what its rules make of them. Used by one thread at a time.
///
/// All rows go into a table of our own, masked, then the table is truncated, which gives it a new file, and
/// they go back. Its triggers, which cannot be kept from firing, are taken away before and made again as they
/// were. What stands in the table afterwards is compared with what was meant to.
#pragma once

#include <vector>

#include "base/result.h"
#include "engines/mask/mask.h"
#include "engines/mask/proof.h"
#include "engines/mysql_family/mask/find.h"

namespace spawnd::engines::mysql_family {

/// How every session that masks is set up: values stay what they are, or there is an error.
inline constexpr const char* kMaskMode =
    "SET SESSION sql_mode = "
    "'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION'";

/// Adds the rows that each rule was for, and a proof for each column. Errors name the rules of the table.
Result<void> RewriteTable(const RunSql& run, const MaskedTable& table, const std::vector<MaskRule>& rules,
                          Masked& masked);

}  // namespace spawnd::engines::mysql_family
