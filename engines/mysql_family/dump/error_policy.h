/// What becomes of an error that the client program says, by the user's `onError:`. Used by one thread at a
/// time.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engines/engine.h"
#include "engines/mysql_family/dump/statement.h"

namespace spawnd::engines::mysql_family {

/// "ERROR 1064 (42000) at line 3: You have an error in ..."
struct ClientError {
  unsigned number = 0;
  std::string state;  ///< SQLSTATE; may be empty
  uint64_t line = 0;  ///< 0: none
  std::string text;
};
ClientError ParseClientError(std::string_view said);

class ErrorPolicy {
 public:
  /// `ignored_errors`: numbers, SQLSTATEs, and words that a statement begins with.
  explicit ErrorPolicy(const RestoreOptions& options);

  /// Some errors may be passed over: the client has to go on after one.
  bool GoesOn() const { return continue_ || !ignored_.empty() || !exclude_tables_.empty(); }
  /// Every statement on its way to the server.
  void Passed(const Statement& statement);
  /// Never those that say that the server is gone or the disk is full, nor that of a USE: what follows would
  /// go into the database before.
  bool PassesOver(const ClientError& error) const;
  /// A view could not be made because `exclude_tables` left out what it is over; it is left out as well, and
  /// so is what is over it. The warning, or empty when it is another error.
  std::string LeavesOutView(const ClientError& error);
  /// What to do about an error that may come of `tables` or `exclude_tables`; empty: it does not.
  std::string HintOf(const ClientError& error) const;

 private:
  bool IsLeftOut(const std::string& table) const;

  const bool continue_;
  const std::vector<std::string> ignored_;
  const std::vector<std::string> exclude_tables_;
  const bool names_tables_;
  bool by_words_ = false;
  /// Lines of statements that begin with ignored words, the last ones: the client reads ahead of the server.
  std::deque<uint64_t> lines_;
  /// Lines of USE, the last ones.
  std::deque<uint64_t> uses_;
  /// Views on their way, by their lines; the last ones, for the same reason.
  std::deque<std::pair<uint64_t, std::string>> views_;
  std::set<std::string> views_left_out_;
};

}  // namespace spawnd::engines::mysql_family
