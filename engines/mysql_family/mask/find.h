/// Which tables and columns of a server the rules are for. Asks, changes nothing. Used by one thread at a
/// time.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engines/mask/mask.h"
#include "engines/mysql_family/mask/expression.h"

namespace spawnd::engines::mysql_family {

struct MaskedTable {
  std::string database{};
  std::string name{};
  std::vector<MaskedColumn> columns{};

  /// "`shop`.`users`"
  std::string Quoted() const { return MaskIdentifier(database) + "." + MaskIdentifier(name); }
};

/// kInvalidArgument, with the rule's name, for a rule that finds nothing, or something else than a table that
/// can be masked, for one that means tables of several databases without a pattern, and for two that mean the
/// same column.
Result<std::vector<MaskedTable>> FindMasked(const RunSql& run, const std::vector<MaskRule>& rules);

/// "mask rule 'shop.users.email' (line 12), mask rule ...": of all rules for a table.
std::string RulesOf(const MaskedTable& table, const std::vector<MaskRule>& rules);

}  // namespace spawnd::engines::mysql_family
