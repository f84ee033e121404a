/// doctor: whether the daemon's machine, the daemon and this client are fit for each other.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "api/doctor_text.h"
#include "api/error_codes.h"
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

using Diagnoses = std::vector<api::Diagnosis>;

/// Whether it answers, to whom, and with which version. `error`: with what the questions below will fail.
Diagnoses LookAtDaemon(const DaemonClient& daemon, Error& error) {
  const auto json = daemon.Get("/v1/version");
  if (!json) {
    error = json.error();
    const std::string hint = error.hint.empty() ? "" : error.hint + " ";
    return {
        {"daemon", "bad", error.message, hint + "`sudo spawnd doctor` looks at this machine without it."}};
  }
  Diagnoses found{{"daemon", "good", "answers at " + daemon.Name(), ""}};
  const auto version = api::FromJson<api::Version>(*json);
  const std::string theirs = version ? version->version : "";
  if (theirs == ClientVersion()) {
    found.push_back({"versions", "good", "spawnctl and spawnd are " + theirs, ""});
  } else {
    found.push_back({"versions", "warning", fmt::format("spawnctl is {}, spawnd {}", ClientVersion(), theirs),
                     "Install the same version of both; systemctl restart spawnd"});
  }
  return found;
}

Result<Diagnoses> Look(const Invocation& invocation, Error& error) {
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  Diagnoses found = LookAtDaemon(daemon, error);
  if (found.front().level == "bad") return found;
  const auto json = daemon.Get("/v1/doctor");
  const auto more = json ? api::FromJson<Diagnoses>(*json) : Fail(json.error());
  if (!more) {
    error = more.error();
    found.push_back({"machine", "bad", error.message, error.hint});
    return found;
  }
  found.insert(found.end(), more->begin(), more->end());
  return found;
}

Result<int> Doctor(const Invocation& invocation) {
  TRY_ASSIGN(const Output output, OutputOf(invocation));
  Error error{ErrorCode::kInternal, ""};
  TRY_ASSIGN(Diagnoses found, Look(invocation, error));
  std::string text;
  if (output.format != Format::kTable) {
    TRY_ASSIGN(text, Render(api::ToJson(found), output));
  } else {
    for (api::Diagnosis& one : found) {
      for (std::string* part : {&one.subject, &one.level, &one.text, &one.remedy}) *part = OneLine(*part);
    }
    text = api::DoctorText(found);
  }
  TRY(WriteOut(text));
  if (!error.message.empty()) return api::ExitCode(error.code);
  return std::any_of(found.begin(), found.end(), [](const api::Diagnosis& one) { return one.level == "bad"; })
             ? 1
             : 0;
}

constexpr std::array<Flag, 2> kFlags{{{"--output", "-o", "<format>", "json or yaml"}, kFormatFlag}};

constexpr std::array<Command, 1> kRows{{
    {"doctor", "", "", 0, 0, "Say whether the daemon's machine is fit for it, and what mends it",
     "  spawnctl doctor\n  sudo spawnd doctor     # without a daemon\n", kFlags, Doctor},
}};

}  // namespace

std::span<const Command> DoctorCommands() {
  return kRows;
}

}  // namespace spawnd::client
