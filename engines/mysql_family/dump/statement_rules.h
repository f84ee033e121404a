/// What of a dump is not passed on to the server, statement by statement: replication, what is missing here
/// and may be left out, what the user did not want. Used by one thread at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/mysql_family/dump/missing.h"
#include "engines/mysql_family/dump/parts.h"
#include "engines/mysql_family/dump/statement.h"
#include "engines/mysql_family/dump/verdict.h"

namespace spawnd::engines::mysql_family {

class StatementRules {
 public:
  struct Options {
    bool is_script = false;  ///< the user's own, which mean what they say: nothing is dropped
    /// Accounts that log in by caching_sha2_password cannot exist here.
    bool lacks_sha2_accounts = false;
    /// CREATE EVENT is said: events do not run by themselves.
    bool warns_of_events = true;
    /// Neither dropped nor made by the dump.
    bool keeps_system_database = false;
  };
  StatementRules(Options options, Parts& parts, MissingThings& missing)
      : options_(options), parts_(parts), missing_(missing) {}

  /// `ended`: there are no more words; never kUndecided then. `database`: the one in use, may be empty.
  Verdict Judge(const Statement& statement, const std::string& database, bool ended);

 private:
  std::optional<Verdict> JudgeSystemDatabase(const Statement& statement, bool ended) const;

  const Options options_;
  Parts& parts_;
  MissingThings& missing_;
};

}  // namespace spawnd::engines::mysql_family
