/// What of a script's commands does not go to the server: what would have the image follow or reach another
/// one, and what would leave the build waiting for ever, or without its server. Pure.
///
/// This is for messages with a line. The walls are the access list of the build's server and what
/// Session::PrepareImage looks at.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spawnd::engines::redis {

/// A command as redis-cli splits it into words.
struct CommandWords {
  /// As many words are kept, and as many bytes of each.
  static constexpr size_t kMaxWords = 64;
  static constexpr size_t kMaxBytes = 256;

  std::vector<std::string> words;  ///< without quotes and escapes, in the case they are written in
  std::string last;                ///< the last of all

  /// In upper case; empty when there is no such word.
  std::string Upper(size_t word) const;
};

/// Nothing: a quotation mark is not closed, or something follows right behind one; redis-cli runs no such
/// line.
std::optional<CommandWords> SplitCommand(std::string_view line);

struct CommandVerdict {
  enum class What { kPass, kLeaveOut, kRefuse };
  What what = What::kPass;
  std::string why{};  ///< a warning, or what to put behind the command's place: "'SHUTDOWN' ends the server"
  std::string hint{};
};

/// `in_transaction`: between MULTI and EXEC, where nothing blocks.
CommandVerdict JudgeCommand(const CommandWords& command, bool in_transaction);

/// Decides which database is meant by what follows: when it fails, that goes to the wrong place.
bool ChangesDatabase(const CommandWords& command);

}  // namespace spawnd::engines::redis
