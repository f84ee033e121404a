/// Which tables the keys `tables`, `excludeTables` and `excludeData` mean. Pure.
#pragma once

#include <string>
#include <vector>

namespace spawnd::engines::postgresql {

/// Names of tables, with their schema before a dot or without, in which * and ? stand for any characters.
class TablePatterns {
 public:
  TablePatterns(std::string key, const std::vector<std::string>& patterns);

  bool Empty() const { return patterns_.empty(); }
  /// Remembers which of them have matched something.
  bool Match(const std::string& schema, const std::string& name);
  /// By its very name, which has no * and ?.
  bool Names(const std::string& schema, const std::string& name) const;
  /// "`tables:` names 'x'" of the first that has matched nothing; empty: there is none.
  std::string Unmatched() const;

 private:
  struct Pattern {
    std::string text;
    bool matched = false;
  };
  std::string key_;
  std::vector<Pattern> patterns_;
};

/// "a, b, c and 12 more"
std::string SomeOf(const std::vector<std::string>& names);

}  // namespace spawnd::engines::postgresql
