/// Which tables and columns of a server the rules are for. Asks, changes nothing. Used by one thread at a
/// time.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engines/mask/mask.h"
#include "engines/postgresql/mask/expression.h"

namespace spawnd::engines::postgresql {

/// A table, or a partition or an heir of one, whose rows are rewritten together.
struct MaskedTable {
  std::string quoted{};      ///< "public.\"Users\"", as it stands in SQL
  bool partitioned = false;  ///< its rows are in its partitions
  std::vector<MaskedColumn> columns{};
  /// All that have a file of their own: itself, or its partitions.
  std::vector<std::string> stored{};
};

struct MaskDatabase {
  std::string name;
  RunSql run;
};

/// The tables of one database, in the order of `databases`.
using TablesOfDatabases = std::vector<std::pair<const MaskDatabase*, std::vector<MaskedTable>>>;

/// kInvalidArgument, with the rule's name, for a rule that finds nothing, or something else than a table with
/// rows, for one that means tables of several databases or schemas without a pattern, and for two that mean
/// the same column.
Result<TablesOfDatabases> FindMasked(const std::vector<MaskDatabase>& databases,
                                     const std::vector<MaskRule>& rules);

}  // namespace spawnd::engines::postgresql
