/// version, auth and onboard: about the daemon and the caller, not about databases.
#include <fmt/core.h>

#include <array>

#include "api/json.h"
#include "client/output/terminal.h"
#include "client/output/text.h"
#include "client/verbs/flags.h"
#include "client/verbs/session.h"
#include "client/verbs/verbs.h"
#include "client/version.h"

namespace spawnd::client {
namespace {

Result<int> ShowVersion(const Invocation& invocation) {
  // The client's line first: it is true whether or not the daemon answers.
  TRY(WriteOut(fmt::format("Client: {}\n", ClientVersion())));
  if (invocation.Has("--client")) return 0;
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  TRY_ASSIGN(const std::string json, daemon.Get("/v1/version"));
  TRY_ASSIGN(const api::Version version, api::FromJson<api::Version>(json));
  std::string text = fmt::format("Daemon: {}", OneLine(version.version));
  if (!version.git_commit.empty()) text += fmt::format(" ({})", OneLine(version.git_commit));
  if (!version.api_version.empty()) text += fmt::format(", API {}", OneLine(version.api_version));
  TRY(WriteOut(text + "\n"));
  return 0;
}

Result<int> Authenticate(const Invocation& invocation) {
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  TRY_ASSIGN(const std::string json, daemon.Get("/v1/whoami"));
  TRY_ASSIGN(const api::WhoAmI who, api::FromJson<api::WhoAmI>(json));
  if (!who.uid || who.user.empty()) {
    return Fail(
        ErrorCode::kUnavailable,
        fmt::format("spawnd at {} answers, but does not say for whom it takes you", daemon.SocketPathText()),
        "'spawnctl version' shows whether it is of another version.");
  }
  TRY(WriteOut(fmt::format("spawnd at {} answers. You are '{}' (uid {}).\n", daemon.SocketPathText(),
                           OneLine(who.user), *who.uid)));
  return 0;
}

constexpr std::array<Flag, 1> kVersionFlags{{{"--client", "", "", "do not ask the daemon"}}};

constexpr std::array<Command, 3> kRows{{
    {"auth", "", "", 0, 0, "Check that the daemon answers, and for whom it takes you", "", {}, Authenticate},
    {"onboard", "", "", 0, 0, "The same as auth", "", {}, Authenticate},
    {"version", "", "", 0, 0, "Show the versions of spawnctl and the daemon", "", kVersionFlags, ShowVersion},
}};

}  // namespace

std::span<const Command> DaemonCommands() {
  return kRows;
}

}  // namespace spawnd::client
