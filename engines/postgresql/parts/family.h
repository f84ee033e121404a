/// Which tables of a plain SQL dump are partitions of others or inherit from them, as far as it has been
/// read: rows that are to be left out go with those of whoever they belong to. Memory is bounded. Used by one
/// thread at a time.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/postgresql/parts/patterns.h"
#include "engines/postgresql/parts/words.h"

namespace spawnd::engines::postgresql {

class TableFamily {
 public:
  TableFamily(const std::string& backup, const std::vector<std::string>& without_rows)
      : backup_(backup), without_rows_("excludeData", without_rows) {}

  /// A table that the dump makes.
  void Add(const Table& table) { without_rows_.Match(table.schema, table.name); }
  /// kInvalidArgument: rows of the child have come already, and were to be left out with its parent's.
  Result<void> AddChild(const Table& child, const Table& parent, bool partition);
  /// Of a table whose rows come. kInvalidArgument: they are those of several partitions, of which only some
  /// are to be left out.
  Result<bool> IsWithoutRows(const Table& table);
  /// See TablePatterns.
  std::string Unmatched() const { return without_rows_.Unmatched(); }

 private:
  bool IsNamed(const std::string& qualified);
  using Edges = std::multimap<std::string, std::string>;

  /// What lies on the ways from `from` along `edges`, itself first.
  std::vector<std::string> Along(const Edges& edges, const std::string& from);
  /// Itself or one of its parents is named; that one. Empty: none is.
  std::string NamedAbove(const std::string& qualified);
  /// A partition below it that is named; empty: none is.
  std::string NamedBelow(const std::string& qualified);

  const std::string backup_;
  TablePatterns without_rows_;
  Edges parents_;
  Edges children_;
  Edges partitions_;  ///< of the children
  std::set<std::string> have_rows_;
  std::string asked_;  ///< the table of the last rows: INSERTs come in thousands for one
  bool answered_ = false;
  size_t steps_ = 0;  ///< on all ways together
};

}  // namespace spawnd::engines::postgresql
