/// Reading from the last lines of a server's log why it ended: what the engines' explain_exit.cc share. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "engines/engine.h"

namespace spawnd::engines {

/// What some words in a log mean. Tables of these are in order: what stands higher is the cause of what
/// stands lower when a log has both.
struct ExitCause {
  std::string_view words;
  ErrorCode code;
  std::string_view hint;
};

/// Without empty ones.
std::vector<std::string_view> LogLines(std::string_view text);
/// Index of the first, or last, line that holds `words`; lines.size() when none does.
size_t FirstLineWith(const std::vector<std::string_view>& lines, std::string_view words);
size_t LastLineWith(const std::vector<std::string_view>& lines, std::string_view words);

/// kInUse, with how to see by whom.
Error PortInUse(const Endpoint& endpoint);

}  // namespace spawnd::engines
