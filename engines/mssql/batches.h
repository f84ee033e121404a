/// T-SQL scripts as sqlcmd takes them: batches, separated by lines that say GO. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace spawnd::engines::mssql {

struct Batch {
  std::string sql;
  uint64_t first_line = 1;  ///< of the script, from 1: what the server calls line 1
  uint64_t times = 1;       ///< GO 5
};

inline constexpr uint64_t kMaxBatchTimes = 10'000;

/// A GO within a comment, a quoted text or a quoted name is text. kInvalidArgument, with the line, for `GO
/// x`, and for sqlcmd's own commands (:r, :setvar, !! ...), which would read files or run programs of the
/// host.
Result<std::vector<Batch>> SplitBatches(std::string_view script);

}  // namespace spawnd::engines::mssql
