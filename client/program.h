/// Other programs on the user's terminal: with spawnctl's own descriptors, folder and environment. For
/// spawnctl's single thread.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "client/output/terminal.h"

namespace spawnd::client {

struct Program {
  std::vector<std::string> argv;  ///< argv[0] is looked up in PATH; at least one
  /// Set besides what spawnctl's own environment has.
  std::vector<std::pair<std::string, std::string>> environment;
};

/// Puts the program in this process's place. Returns only when that fails: "cannot run 'psql': ...".
Error BecomeProgram(const Program& program);

struct ProgramEnd {
  int exit_code =
      0;  ///< the program's; 128 + signal when one ended it; 127 or 126 when it could not be started
  std::optional<Error> not_started;
};

/// Runs the program to its end. Signals that `signals` catches are passed on to it, but for those that the
/// terminal sent: these reach it on their own. It gets SIGTERM when spawnctl itself is killed.
Result<ProgramEnd> RunProgram(const Program& program, const SignalWatch& signals);

}  // namespace spawnd::client
