/// version, auth, onboard and get ca: about the daemon and the caller, not about databases.
#include <fmt/core.h>

#include <array>

#include "api/json.h"
#include "client/output/output.h"
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

/// "3 of 200", or "3" where there is no limit.
std::string OfLimit(const std::string& used, int64_t limit, const std::string& limit_text) {
  return limit == 0 ? used : used + " of " + limit_text;
}
std::string OfLimit(int64_t used, int64_t limit) {
  return OfLimit(std::to_string(used), limit, std::to_string(limit));
}

/// What the caller has of what he may have. Nothing for one without limits.
std::string QuotasText(const api::WhoAmI& who) {
  const api::Quotas& limits = who.quotas;
  const api::Quotas& used = who.usage;
  if (limits.connections + limits.builds + limits.launches + limits.containers + limits.disk_bytes == 0)
    return {};
  return fmt::format(
      "You have {} data containers, {} builds and {} starts running, {} connections, {} on the disk.\n",
      OfLimit(used.containers, limits.containers), OfLimit(used.builds, limits.builds),
      OfLimit(used.launches, limits.launches), OfLimit(used.connections, limits.connections),
      OfLimit(FormatBytes(used.disk_bytes), limits.disk_bytes, FormatBytes(limits.disk_bytes)));
}

Result<int> Authenticate(const Invocation& invocation) {
  TRY_ASSIGN(const Output output, OutputOf(invocation));
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  TRY_ASSIGN(const std::string json, daemon.Get("/v1/whoami"));
  TRY_ASSIGN(const api::WhoAmI who, api::FromJson<api::WhoAmI>(json));
  if (!who.uid || who.user.empty()) {
    return Fail(ErrorCode::kUnavailable,
                fmt::format("spawnd at {} answers, but does not say for whom it takes you", daemon.Name()),
                "'spawnctl version' shows whether it is of another version.");
  }
  std::string text;
  if (output.format != Format::kTable) {
    TRY_ASSIGN(text, Render(json, output));
  } else {
    text = fmt::format("spawnd at {} answers. You are '{}' (uid {}).\n{}", daemon.Name(), OneLine(who.user),
                       *who.uid, QuotasText(who));
  }
  TRY(WriteOut(text));
  return 0;
}

/// As text, so that `>ca.crt` is all that another machine needs.
Result<int> GetCa(const Invocation& invocation) {
  TRY_ASSIGN(const Output output, OutputOf(invocation));
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  TRY_ASSIGN(const std::string json, daemon.Get("/v1/ca"));
  std::string text;
  if (output.format != Format::kTable) {
    TRY_ASSIGN(text, Render(json, output));
  } else {
    TRY_ASSIGN(const auto authority, api::FromJson<api::CaCertificate>(json));
    text = authority.certificate;
  }
  TRY(WriteOut(text));
  return 0;
}

constexpr std::array<Flag, 2> kCaFlags{{{"--output", "-o", "<format>", "json or yaml"}, kFormatFlag}};
constexpr std::array<Flag, 1> kVersionFlags{{{"--client", "", "", "do not ask the daemon"}}};

constexpr Flag kWhoOutputFlag{"--output", "-o", "<format>", "json or yaml"};
constexpr std::array<Flag, 2> kWhoFlags{{kWhoOutputFlag, kFormatFlag}};

constexpr std::array<Command, 4> kRows{{
    {"get", "ca", "", 0, 0, "Print the certificate by which clients verify database servers (PEM)",
     "  spawnctl get ca >ca.crt\n", kCaFlags, GetCa},
    {"auth", "", "", 0, 0, "Check that the daemon answers, for whom it takes you, and what you may have", "",
     kWhoFlags, Authenticate},
    {"onboard", "", "", 0, 0, "The same as auth", "", kWhoFlags, Authenticate},
    {"version", "", "", 0, 0, "Show the versions of spawnctl and the daemon", "", kVersionFlags, ShowVersion},
}};

}  // namespace

std::span<const Command> DaemonCommands() {
  return kRows;
}

}  // namespace spawnd::client
