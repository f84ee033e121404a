/// Texts of unknown origin on their way to a log or a terminal. Pure, safe from any thread.
#pragma once

#include <string>
#include <string_view>

namespace spawnd {

/// The text with its control characters as text: "\n", "\x1b", and C1 controls ("\x9b" as two bytes of UTF-8,
/// and as a lone byte, which no valid UTF-8 has) the same way. `kept` stay as they are.
std::string EscapeControls(std::string_view text, std::string_view kept);

}  // namespace spawnd
