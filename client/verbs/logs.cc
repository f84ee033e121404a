/// logs: what a restore said, what an engine says, what the runs of a data source said.
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "client/output/terminal.h"
#include "client/output/text.h"
#include "client/verbs/session.h"
#include "client/verbs/verbs.h"

namespace spawnd::client {
namespace {

/// Standard output when it is a pipe: that polls with an error once its reader is gone, and with nothing
/// else, whatever is asked for. `logs -f | head -1` ends that way.
int PipeToWatch() {
  struct stat st {};
  return ::fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode) ? STDOUT_FILENO : -1;
}

Result<std::string> QueryOf(const Invocation& invocation) {
  std::string query;
  if (invocation.Has("--follow")) query = "?follow=true";
  const std::string tail = invocation.Text("--tail");
  if (tail.empty() || tail == "all") return query;
  const bool digits = std::all_of(tail.begin(), tail.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("--tail '{}' is no number of lines", OneLine(tail)),
                "Write --tail 100, or --tail all.");
  }
  return fmt::format("{}{}tail={}", query, query.empty() ? "?" : "&", tail);
}

Result<int> Logs(const Invocation& invocation, std::string_view collection) {
  TRY_ASSIGN(const std::string query, QueryOf(invocation));
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  const std::string target =
      DaemonClient::Target(collection, invocation.Arguments().front()) + "/log" + query;
  // A program gets what there is. A terminal would do what an engine's superuser tells it to.
  TerminalText shown;
  const bool terminal = OutputIsTerminal();
  auto got = daemon.GetText(
      target, [&](std::string_view text) { return terminal ? WriteOut(shown.Next(text)) : WriteOut(text); },
      PipeToWatch());
  TRY(WriteOut(shown.Rest()));
  if (!got && got.error().code != ErrorCode::kCancelled) return Fail(std::move(got.error()));
  return 0;
}

Result<int> LogsOfImage(const Invocation& invocation) {
  return Logs(invocation, kImagesPath);
}

Result<int> LogsOfContainer(const Invocation& invocation) {
  return Logs(invocation, kContainersPath);
}

Result<int> LogsOfSource(const Invocation& invocation) {
  return Logs(invocation, kSourcesPath);
}

constexpr Flag kTailFlag{"--tail", "", "<lines>", "only the last lines; all by default"};
constexpr std::array<Flag, 1> kImageFlags{kTailFlag};
constexpr std::array<Flag, 2> kContainerFlags{
    Flag{"--follow", "-f", "", "go on with what comes, until it is deleted"}, kTailFlag};

constexpr std::array<Command, 3> kCommands{{
    {"logs", "data-image", "<image>", 1, 1, "Show what the restore of a data image said",
     "  spawnctl logs data-image shop\n", kImageFlags, LogsOfImage},
    {"logs", "data-container", "<container>", 1, 1, "Show the log of a data container's engine",
     "  spawnctl logs data-container mine --tail 100 -f\n", kContainerFlags, LogsOfContainer},
    {"logs", "data-source", "<source>", 1, 1, "Show what the last runs of a data source said",
     "  spawnctl logs data-source shop --tail 50\n", kContainerFlags, LogsOfSource},
}};

}  // namespace

std::span<const Command> LogCommands() {
  return kCommands;
}

}  // namespace spawnd::client
