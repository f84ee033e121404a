/// The grammar: spawnctl <verb> <resource> [arguments] [flags], flags anywhere (docs/contract.md, "Grammar").
/// Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "client/command/command.h"

namespace spawnd::client {

struct CommandLine {
  enum class Wanted { kRun, kHelp, kVersion };

  Wanted wanted = Wanted::kHelp;
  const Command* command = nullptr;  ///< kRun: what to run; kHelp: whose help, null for the table
  std::string_view verb;             ///< kHelp without a command: only this verb's rows, or all when empty
  Invocation invocation;
};

/// `arguments` without the program's name. Errors: kInvalidArgument with a "did you mean" in the hint.
Result<CommandLine> ParseCommandLine(std::span<const Command> commands,
                                     const std::vector<std::string>& arguments);

}  // namespace spawnd::client
