/// What becomes of an error that the client program says, by the user's `onError:`. Used by one thread at a
/// time.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
  /// `ignored`: numbers, SQLSTATEs, and words that a statement begins with.
  ErrorPolicy(bool continue_on_error, std::vector<std::string> ignored);

  /// Some errors may be passed over: the client has to go on after one.
  bool GoesOn() const { return continue_ || !ignored_.empty(); }
  /// Every statement on its way to the server.
  void Passed(const Statement& statement);
  /// Never those that say that the server is gone or the disk is full.
  bool PassesOver(const ClientError& error) const;

 private:
  const bool continue_;
  const std::vector<std::string> ignored_;
  bool by_words_ = false;
  /// Lines of statements that begin with ignored words, the last ones: the client reads ahead of the server.
  std::deque<uint64_t> lines_;
};

}  // namespace spawnd::engines::mysql_family
