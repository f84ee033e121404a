/// start, stop and restart of data containers.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "api/error_codes.h"
#include "api/image_reference.h"
#include "api/json.h"
#include "client/output/last_words.h"
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

/// So many at once: the daemon has a line for the rest, and a user has so many connections.
constexpr size_t kRestartsAtOnce = 8;

Result<void> RestartOne(const DaemonClient& daemon, int64_t id) {
  const std::string target =
      fmt::format("{}/restart", DaemonClient::Target(kContainersPath, std::to_string(id)));
  return daemon.Create(target, "{}", {}).map([](const std::string&) {});
}

/// One after the other, each as soon as the one before it answers. Stops at the first that fails, because
/// what ails that one may ail all.
Result<int> RestartInTurn(const Invocation& invocation, const DaemonClient& daemon,
                          const std::vector<api::DataContainer>& containers) {
  size_t done = 0;
  for (const api::DataContainer& one : containers) {
    auto restarted = RestartOne(daemon, one.id);
    if (!restarted) {
      Error error = restarted.error().Wrap(fmt::format("data container '{}' ({})", one.name, one.id));
      error.hint = fmt::format(
          "{} of {} were restarted before it, {} were not touched. `spawnctl logs data-container {}` has its "
          "server's words; the same command goes on with those that are left.",
          done, containers.size(), containers.size() - done - 1, one.id);
      ShowError(error);
      return api::ExitCode(error.code);
    }
    ++done;
    if (invocation.Has("--quiet")) continue;
    TRY(WriteOut(fmt::format("Data container '{}' restarted! ({} of {})\n", OneLine(one.name), done,
                             containers.size())));
  }
  return 0;
}

Result<int> RestartTogether(const Invocation& invocation, const DaemonClient& daemon,
                            const std::vector<api::DataContainer>& containers) {
  std::vector<Result<void>> outcomes(containers.size());
  std::atomic<size_t> next = 0;
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < std::min(kRestartsAtOnce, containers.size()); ++i) {
      threads.emplace_back([&, own = daemon] {
        for (size_t at = next++; at < containers.size(); at = next++) {
          outcomes[at] = RestartOne(own, containers[at].id);
        }
      });
    }
  }
  int exit_code = 0;
  for (size_t i = 0; i < containers.size(); ++i) {
    if (outcomes[i]) {
      if (invocation.Has("--quiet")) continue;
      TRY(WriteOut(fmt::format("Data container '{}' restarted!\n", OneLine(containers[i].name))));
      continue;
    }
    const Error error = outcomes[i].error().Wrap("data container '" + containers[i].name + "'");
    ShowError(error);
    if (exit_code == 0) exit_code = api::ExitCode(error.code);
  }
  return exit_code;
}

/// One that its owner has stopped stays so.
bool MayRestart(const Invocation& invocation, const api::DataContainer& one) {
  if (one.state == "stopped" || one.state == "stopping" || one.state == "creating") return false;
  return !invocation.Has("--outdated") || !one.outdated.empty();
}

Result<int> RestartAll(const Invocation& invocation) {
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  TRY_ASSIGN(const std::string json, daemon.Get(std::string(kContainersPath)));
  TRY_ASSIGN(auto containers, api::FromJson<std::vector<api::DataContainer>>(json));
  std::erase_if(containers,
                [&invocation](const api::DataContainer& one) { return !MayRestart(invocation, one); });
  if (containers.empty()) {
    if (!invocation.Has("--quiet")) {
      TRY(WriteOut(invocation.Has("--outdated") ? "Nothing is outdated.\n" : "Nothing runs.\n"));
    }
    return 0;
  }
  const LastWords words(
      "interrupted: what was being restarted goes on to the end, what comes after it is left as it is\n");
  return invocation.Has("--rolling") ? RestartInTurn(invocation, daemon, containers)
                                     : RestartTogether(invocation, daemon, containers);
}

Result<int> RestartDataContainers(const Invocation& invocation) {
  const bool all = invocation.Has("--all");
  if (all != invocation.Arguments().empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                all ? "--all restarts all data containers, so name none"
                    : "name the data containers that are to be restarted, or say --all",
                "`spawnctl restart data-container --all --outdated --rolling` brings up to date what runs "
                "something older.");
  }
  if (!all && (invocation.Has("--rolling") || invocation.Has("--outdated"))) {
    return Fail(ErrorCode::kInvalidArgument, "--rolling and --outdated go with --all");
  }
  return all ? RestartAll(invocation) : ChangeEach(invocation, "restart", "restarted");
}

constexpr std::array<Flag, 1> kFlags{{kSilentFlag}};
constexpr std::array<Flag, 4> kRestartFlags{{
    {"--all", "", "", "all that you see, but for those that are stopped"},
    {"--outdated", "", "", "with --all: those that run an older spawnd or server than is installed"},
    {"--rolling", "", "", "with --all: one after the other, until one fails"},
    kSilentFlag,
}};

constexpr std::array<Command, 3> kRows{{
    {"start", "data-container", "<container>...", 1, kAnyNumber,
     "Bring back data containers that are stopped or have failed, with all their data",
     "  spawnctl start data-container mine yours\n", kFlags, StartDataContainers},
    {"stop", "data-container", "<container>...", 1, kAnyNumber,
     "End the servers of data containers until they are started; everything is kept",
     "  spawnctl stop data-container mine yours\n", kFlags, StopDataContainers},
    {"restart", "data-container", "[<container>...]", 0, kAnyNumber,
     "Stop the servers of data containers and start them again",
     "  spawnctl restart data-container mine\n"
     "  spawnctl restart data-container --all --outdated --rolling\n",
     kRestartFlags, RestartDataContainers},
}};

}  // namespace

std::span<const Command> StartCommands() {
  return kRows;
}

}  // namespace spawnd::client
