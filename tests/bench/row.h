/// One row of the bench's table: a number, what it was measured against in the same run, and what it has to
/// reach.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace spawnd::bench {

struct Row {
  std::string name;
  double value = 0;
  std::string unit;
  std::string baseline;         ///< what `ratio` is relative to; empty: the row stands for itself
  std::optional<double> ratio;  ///< value / baseline
  std::string target;           ///< in words, as in docs/performance.md: "p50 <= 60 ms"
  std::optional<bool> met;      ///< empty: no target
  size_t runs = 0;
  std::string spread;  ///< "41-58"
};

/// A group of rows that are measured together, so that their ratios come from one run.
struct RowGroup {
  std::string name;  ///< what the user types: ./dev bench create
  std::string description;
  std::vector<std::string> rows;  ///< what it measures: each name is a valid argument, too
  std::function<Result<std::vector<Row>>()> measure;
};

/// Prints a line of progress to standard error, so that standard output is the table alone.
void Say(const std::string& text);

}  // namespace spawnd::bench
