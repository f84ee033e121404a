/// What of an archive is restored: the entries of its contents that pg_restore is given as a list (-L), which
/// unlike its -t takes a table's indexes, constraints, defaults and sequences along. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engines/postgresql/parts/contents.h"
#include "engines/restore.h"

namespace spawnd::engines::postgresql {

struct Selection {
  std::vector<int> ids{};  ///< in the order of the contents
  std::vector<std::string> warnings{};
};

/// `tables`: these, with what belongs to them (indexes, triggers, sequences that they own, partitions, what
/// they inherit from) and everything that is no table: types, functions, schemas. What needs a table that is
/// left out goes with it: views, foreign keys, each with a warning. `skip_extensions`: and what extensions
/// keep in tables of their own. kInvalidArgument: a pattern that matches no table, with the tables that there
/// are.
Result<Selection> SelectParts(const Contents& contents, const RestoreOptions& options,
                              const std::string& name);

}  // namespace spawnd::engines::postgresql
