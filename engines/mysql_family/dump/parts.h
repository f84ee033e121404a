/// Parts of a dump: which of its statements belong to tables that the user wants. Used by one thread at a
/// time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/engine.h"
#include "engines/mysql_family/dump/statement.h"
#include "engines/restore_warnings.h"

namespace spawnd::engines::mysql_family {

/// True when `*` and `?` of the pattern can stand for what is in the text, in any case.
bool MatchesPattern(std::string_view pattern, std::string_view text);

class Parts {
 public:
  enum class Answer { kUndecided, kPass, kDrop };

  explicit Parts(const RestoreOptions& options);

  Answer Judge(const Statement& statement, const std::string& database, bool ended);

  /// kInvalidArgument when one of `tables` was no table of the dump; the other lists warn.
  Result<void> CheckEnd(const std::string& name, RestoreWarnings& warnings) const;

 private:
  struct Pattern {
    std::string text;
    bool matched = false;
  };
  static std::vector<Pattern> From(const std::vector<std::string>& texts);
  static bool Matches(std::vector<Pattern>& patterns, const ObjectName& name, const std::string& database);

  const bool active_;
  const bool schema_only_;
  std::vector<Pattern> tables_;
  std::vector<Pattern> exclude_tables_;
  std::vector<Pattern> exclude_data_;
};

}  // namespace spawnd::engines::mysql_family
