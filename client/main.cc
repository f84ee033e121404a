/// spawnctl: one command, one process, no state of its own.
#include <fmt/core.h>

#include <csignal>
#include <string>
#include <vector>

#include "api/error_codes.h"
#include "client/command_line.h"
#include "client/terminal.h"
#include "client/usage.h"
#include "client/version.h"

namespace spawnd::client {
namespace {

Result<int> Run(const std::vector<std::string>& arguments) {
  TRY_ASSIGN(const CommandLine line, ParseCommandLine(Commands(), arguments));
  switch (line.wanted) {
    case CommandLine::Wanted::kRun:
      return line.command->run(line.invocation);
    case CommandLine::Wanted::kVersion:
      TRY(WriteOut(fmt::format("spawnctl {}\n", ClientVersion())));
      return 0;
    case CommandLine::Wanted::kHelp:
      break;
  }
  TRY(WriteOut(line.command != nullptr ? CommandHelpText(*line.command)
                                       : CommandTableText(Commands(), line.verb)));
  return 0;
}

}  // namespace
}  // namespace spawnd::client

int main(int argc, char** argv) {
  // A reader that goes away shows as EPIPE where the writing is done.
  std::signal(SIGPIPE, SIG_IGN);
  const auto exit_code = spawnd::client::Run({argv + 1, argv + (argc > 0 ? argc : 1)});
  if (exit_code) return *exit_code;
  spawnd::client::ShowError(exit_code.error());
  return spawnd::api::ExitCode(exit_code.error().code);
}
