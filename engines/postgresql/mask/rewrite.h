/// Rewriting the rows of one table with what its rules make of them. Used by one thread at a time.
///
/// All rows go into a temporary table, masked, then out of the table, then back into it, in one transaction
/// in which no trigger and no rule of the table fires. So a column that is unique may be permuted, an
/// identity keeps its values, and what is generated follows. What stands in the table afterwards is compared
/// with what was meant to; and the files are written anew behind it, as the old rows would be found in them.
#pragma once

#include <vector>

#include "base/result.h"
#include "engines/mask/mask.h"
#include "engines/mask/proof.h"
#include "engines/postgresql/mask/find.h"

namespace spawnd::engines::postgresql {

/// Adds the rows that each rule was for, and a proof for each column, without its database. Errors name the
/// rules of the table.
Result<void> RewriteTable(const RunSql& run, const MaskedTable& table, const std::vector<MaskRule>& rules,
                          Masked& masked);

/// "mask rule 'public.users.email' (line 12), mask rule ...": of all rules for a table.
std::string RulesOf(const MaskedTable& table, const std::vector<MaskRule>& rules);

}  // namespace spawnd::engines::postgresql
