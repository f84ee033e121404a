/// Small text functions that several files of spawnctl share. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace spawnd::client {

/// Without blanks and line ends at both ends.
std::string Trim(std::string_view text);
/// `text` on one line, safe for a terminal: control characters become blanks.
std::string OneLine(std::string_view text);
/// Puts `to` in the place of every `from`, which is not empty.
void ReplaceAll(std::string& text, std::string_view from, std::string_view to);
/// "512 B", "1.5 KiB", "12.3 MiB", "4.0 GiB"
std::string FormatBytes(int64_t bytes);
/// "3 days ago", "4 days from now", "now"; both in seconds since 1970.
std::string RelativeTime(int64_t time, int64_t now);

/// A text of unknown origin that comes piece by piece, as it may be shown on a terminal: control characters
/// but for tabs and line ends are shown as text.
class TerminalText {
 public:
  /// What of it is complete. A character may go on in the next piece.
  std::string Next(std::string_view piece);
  std::string Rest();

 private:
  std::string held_;  ///< the beginning of a character
};

}  // namespace spawnd::client
