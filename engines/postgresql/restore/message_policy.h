/// Which of the server's errors during a restore are no errors to whoever restores, and how the others are
/// told. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engines/restore_warnings.h"

namespace spawnd::engines::postgresql {

/// One error as a tool reports it.
struct ToolError {
  uint64_t line = 0;     ///< of the backup; 0: not known
  std::string severity;  ///< "ERROR"; empty for an error of the tool's own
  std::string sqlstate;  ///< when known
  std::string text;
  std::string detail;
  std::string context;
  std::string hint;
};

class MessagePolicy {
 public:
  /// `backup`: its name. `database`, `user`: made by us before the restore, so a backup may find them there.
  /// `warnings`: get what is passed over.
  MessagePolicy(std::string backup, std::string database, std::string user, RestoreWarnings& warnings);

  /// True for what always happens when a backup comes to a fresh server, and warns of it:
  ///  - a role that is not here (OWNER TO, GRANT, ALTER DEFAULT PRIVILEGES ...): objects then belong to the
  ///  restoring
  ///    superuser and the grant is left out;
  ///  - what every server has already: schema public, plpgsql, role and database postgres;
  ///  - a session setting of pg_dump's that this server's version does not know yet;
  ///  - with `cleaning` (DumpFilter::IsCleaning): what is dropped was never there.
  bool Tolerates(const ToolError& error, bool cleaning);

  /// The error for the user, of one line.
  Error Explain(const ToolError& error) const;

  bool ToleratedAny() const { return !last_tolerated_.empty(); }

 private:
  const std::string backup_;
  const std::string database_;
  const std::string user_;
  RestoreWarnings& warnings_;
  std::string last_tolerated_;
};

}  // namespace spawnd::engines::postgresql
