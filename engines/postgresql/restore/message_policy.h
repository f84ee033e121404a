/// Which of the server's errors during a restore are no errors to whoever restores, and how the others are
/// told. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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
  std::string statement;  ///< how it begins, when known
};

/// What else decides about errors, and explains them.
struct ErrorManners {
  /// RestoreOptions has both.
  bool continue_on_error = false;
  std::vector<std::string> ignored_errors{};
  std::string server_version{};  ///< "15.18"; may be empty
  std::string dumped_from{};     ///< the version that the backup is of, when known before
  /// The database of an archive has been made already, otherwise than the archive says.
  bool made_database = false;
  std::string remark{};                  ///< a warning from the beginning; may be empty
  std::vector<std::string> installed{};  ///< versions that there are on this machine
};

class MessagePolicy {
 public:
  /// `backup`: its name. `database`, `user`: made by us before the restore, so a backup may find them there.
  /// `warnings`: get what is passed over.
  MessagePolicy(std::string backup, std::string database, std::string user, RestoreWarnings& warnings,
                ErrorManners manners = {});

  /// True for what always happens when a backup comes to a fresh server, and warns of it:
  ///  - a role that is not here, in a statement about roles alone (OWNER TO, GRANT, ALTER DEFAULT PRIVILEGES
  ///    ...): objects then belong to the restoring superuser and the grant is left out. Anything else would
  ///    lose rows or objects for want of it;
  ///  - what every server has already: schema public, plpgsql, role and database postgres;
  ///  - a session setting of pg_dump's that this server's version does not know yet;
  ///  - with `cleaning` (DumpFilter::IsCleaning): what is dropped was never there.
  ///  - a label of a provider that is not loaded, an owner who would have to be a superuser.
  bool Tolerates(const ToolError& error, bool cleaning);
  /// Whether more of the error's statement is needed to judge it, and its tool has not shown all yet.
  static bool NeedsMore(const ToolError& error);

  /// True for an error that the user wants passed over, and counts it. Never for one of the server itself: a
  /// full disk, a lost connection.
  bool PassesOver(const ToolError& error);
  uint64_t PassedOver() const { return passed_over_; }
  bool MayPassOver() const { return manners_.continue_on_error || !manners_.ignored_errors.empty(); }

  /// The version that the backup says it is of.
  void SetDumpedFrom(const std::string& version) { manners_.dumped_from = version; }

  /// The error for the user, of one line.
  Error Explain(const ToolError& error) const;

  bool ToleratedAny() const { return !last_tolerated_.empty() || passed_over_ > 0; }

 private:
  bool IsOfNewerServer(const ToolError& error) const;

  const std::string backup_;
  const std::string database_;
  const std::string user_;
  RestoreWarnings& warnings_;
  ErrorManners manners_;
  std::string last_tolerated_;
  uint64_t passed_over_ = 0;
};

/// Of a failed statement no more is kept.
inline constexpr size_t kMaxFailedStatement = size_t{64} * 1024;

/// The beginning of a statement, for a message: on one line, no more than is of use, and no password.
std::string ShortStatement(std::string_view statement);

}  // namespace spawnd::engines::postgresql
