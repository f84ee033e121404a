/// start, stop and restart of data containers.
#include <fmt/core.h>

#include <array>

#include "api/error_codes.h"
#include "api/image_reference.h"
#include "api/json.h"
#include "client/output/terminal.h"
#include "client/output/text.h"
#include "client/verbs/flags.h"
#include "client/verbs/session.h"
#include "client/verbs/verbs.h"

namespace spawnd::client {
namespace {

/// One after the other, and the others although one fails. `done`: "started".
Result<int> ChangeEach(const Invocation& invocation, std::string_view verb, std::string_view done) {
  for (const std::string& ref : invocation.Arguments()) TRY(api::ParseContainerReference(ref));
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  int exit_code = 0;
  for (const std::string& ref : invocation.Arguments()) {
    const std::string target = fmt::format("{}/{}", DaemonClient::Target(kContainersPath, ref), verb);
    const auto changed = daemon.Create(target, "{}", {});
    if (!changed) {
      ShowError(changed.error());
      if (exit_code == 0) exit_code = api::ExitCode(changed.error().code);
      continue;
    }
    TRY_ASSIGN(const auto container, api::FromJson<api::DataContainer>(*changed));
    ShowWarnings(invocation, container.warnings);
    if (invocation.Has("--quiet")) continue;
    TRY(WriteOut(fmt::format("Data container '{}' {}!\n", OneLine(container.name), done)));
  }
  return exit_code;
}

Result<int> StartDataContainers(const Invocation& invocation) {
  return ChangeEach(invocation, "start", "started");
}

Result<int> StopDataContainers(const Invocation& invocation) {
  return ChangeEach(invocation, "stop", "stopped");
}

Result<int> RestartDataContainers(const Invocation& invocation) {
  return ChangeEach(invocation, "restart", "restarted");
}

constexpr std::array<Flag, 1> kFlags{{kSilentFlag}};

constexpr std::array<Command, 3> kRows{{
    {"start", "data-container", "<container>...", 1, kAnyNumber,
     "Bring back data containers that are stopped or have failed, with all their data",
     "  spawnctl start data-container mine yours\n", kFlags, StartDataContainers},
    {"stop", "data-container", "<container>...", 1, kAnyNumber,
     "End the servers of data containers until they are started; everything is kept",
     "  spawnctl stop data-container mine yours\n", kFlags, StopDataContainers},
    {"restart", "data-container", "<container>...", 1, kAnyNumber,
     "Stop the servers of data containers and start them again", "  spawnctl restart data-container mine\n",
     kFlags, RestartDataContainers},
}};

}  // namespace

std::span<const Command> StartCommands() {
  return kRows;
}

}  // namespace spawnd::client
