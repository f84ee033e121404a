/// spawnctl: one command, one process, no state of its own.
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "api/error_codes.h"
#include "client/command/command_line.h"
#include "client/command/usage.h"
#include "client/output/terminal.h"
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

/// A script may have closed any of the three ("2>&-"). The next descriptor that is opened would take its
/// place, and the connection to the daemon would get what is meant for a terminal. In its place stands one
/// that fails as a closed one does.
void FillStandardDescriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest free number is this one. When even that fails, so does everything that follows.
    static_cast<void>(::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY));
  }
}

}  // namespace
}  // namespace spawnd::client

int main(int argc, char** argv) {
  spawnd::client::FillStandardDescriptors();
  // A reader that goes away shows as EPIPE where the writing is done.
  std::signal(SIGPIPE, SIG_IGN);
  const auto exit_code = spawnd::client::Run({argv + 1, argv + (argc > 0 ? argc : 1)});
  if (exit_code) return *exit_code;
  spawnd::client::ShowError(exit_code.error());
  return spawnd::api::ExitCode(exit_code.error().code);
}
