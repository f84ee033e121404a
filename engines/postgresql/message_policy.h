/// Which of the server's errors during a restore are no errors to whoever restores, and how the others are
/// told. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace spawnd::engines::postgresql {

/// One error as a tool reports it.
struct ToolError {
  std::string place;     ///< "line 4 of 'x.sql'"
  std::string severity;  ///< "ERROR"; empty for an error of the tool's own
  std::string sqlstate;  ///< when known
  std::string text;
  std::string detail;
  std::string context;
  std::string hint;
};

class MessagePolicy {
 public:
  /// `database`, `user`: made by us before the restore, so a backup may find them there.
  MessagePolicy(std::string database, std::string user);

  /// True for what always happens when a backup comes to a fresh server, and counts it:
  ///  - a role that is not here (OWNER TO, GRANT, ALTER DEFAULT PRIVILEGES ...): objects then belong to the
  ///  restoring
  ///    superuser and the grant is left out;
  ///  - what every server has already: schema public, plpgsql, role and database postgres;
  ///  - a session setting of pg_dump's that this server's version does not know yet;
  ///  - with `cleaning` (DumpFilter::IsCleaning): what is dropped was never there.
  bool Tolerates(const ToolError& error, bool cleaning);

  /// The error for the user, of one line.
  Error Explain(const ToolError& error) const;

  void AddWarning(std::string text);
  /// Also one for each kind of error that was passed over, with how often and where first.
  std::vector<std::string> Warnings() const;
  bool ToleratedAny() const { return !tolerated_.empty(); }

 private:
  struct Passed {
    uint64_t times = 0;
    std::string first_place;
  };
  const std::string database_;
  const std::string user_;
  std::map<std::string, Passed> tolerated_;
  std::string last_tolerated_;
  std::vector<std::string> warnings_;
};

}  // namespace spawnd::engines::postgresql
