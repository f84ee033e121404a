/// Help texts, made from the command table. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "client/command/command.h"

namespace spawnd::client {

/// The command table; only the rows of `verb` when it is not empty.
std::string CommandTableText(std::span<const Command> commands, std::string_view verb);
std::string CommandHelpText(const Command& command);

}  // namespace spawnd::client
