/// What may stand next on a command line that is being typed, from the command table. Pure, but for the names
/// that `names` looks up.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "client/command/command.h"

namespace spawnd::client {

struct Candidate {
  std::string word;
  std::string_view about;  ///< one line; may be empty
};

/// The names of what there is of a kind: "data-image", "data-container", "tag", "team", "context", and
/// "revision" `of` a container. Empty when the daemon does not answer.
using NamesOf = std::function<std::vector<std::string>(std::string_view kind, std::string_view of)>;

/// No word of the answer needs quotes in any shell. `words`: those behind the program's name, the last one as
/// far as it has been typed (empty: nothing of it yet).
std::vector<Candidate> Complete(std::span<const Command> commands, const std::vector<std::string>& words,
                                const NamesOf& names);

/// The script that a shell reads: bash, zsh or fish. It asks `spawnctl completion words`, so that it never
/// grows old. kInvalidArgument for any other shell.
Result<std::string_view> CompletionScript(std::string_view shell);

}  // namespace spawnd::client
