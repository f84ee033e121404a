/// POST /v1/fetch-plans: what the caller's client is to run, on its own, to get data from where they are.
/// Nothing is run or kept here, and no password comes along.
#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "api/json.h"
#include "api/point_in_time.h"
#include "api/source/fetch.h"
#include "base/error.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/handlers.h"
#include "engines/registry.h"

namespace spawnd::daemon {
namespace {

constexpr int64_t kMaxJobs = 64;
constexpr size_t kMaxWord = 1024;  ///< of what becomes part of a command line

/// They become words of command lines and messages.
Result<void> CheckWords(const api::FetchPlanRequest& request) {
  const api::SourceConnection& at = request.connection;
  const api::SourceRepository& in = request.repository;
  for (const std::string* word :
       {&request.version, &at.scheme, &at.host, &at.user, &at.database, &at.ssl_mode, &at.ssl_root_cert,
        &request.method, &request.folder, &in.tool, &in.stanza, &in.path, &in.config_file, &in.backup}) {
    const bool has_control =
        std::any_of(word->begin(), word->end(), [](unsigned char c) { return c < ' ' || c == 127; });
    if (!has_control && word->size() <= kMaxWord) continue;
    return Fail(ErrorCode::kInvalidArgument,
                has_control ? "what the request says of the source has control characters in it"
                            : "what the request says of the source is longer than 1024 bytes");
  }
  return {};
}

Result<engines::RepositoryPlace> RepositoryOf(api::SourceRepository&& asked) {
  for (const std::string* path : {&asked.path, &asked.config_file}) {
    if (path->empty() || path->starts_with('/')) continue;
    return Fail(ErrorCode::kInvalidArgument, "'" + *path + "' is no absolute path",
                "It is on the client's machine.");
  }
  if (!asked.at.empty()) {
    TRY_ASSIGN(asked.at, api::CanonicalPointInTime(asked.at));
  }
  return engines::RepositoryPlace{std::move(asked.tool),   std::move(asked.stanza),
                                  std::move(asked.path),   std::move(asked.config_file),
                                  std::move(asked.backup), std::move(asked.at)};
}

Result<void> CheckMode(const std::string& mode) {
  static constexpr std::array<std::string_view, 6> kModes{"",        "disable",   "prefer",
                                                          "require", "verify-ca", "verify-full"};
  if (std::find(kModes.begin(), kModes.end(), mode) != kModes.end()) return {};
  return Fail(ErrorCode::kInvalidArgument, "unknown sslMode '" + mode + "'",
              "It is one of disable, prefer, require, verify-ca, verify-full.");
}

Result<engines::FetchRequest> RequestOf(api::FetchPlanRequest&& asked) {
  TRY(CheckWords(asked));
  TRY(CheckMode(asked.connection.ssl_mode));
  if (!asked.method.empty() && asked.method != "dump" && asked.method != "physical") {
    return Fail(ErrorCode::kInvalidArgument, "unknown method '" + asked.method + "'",
                "It is one of dump, physical.");
  }
  if (asked.jobs < 0 || asked.jobs > kMaxJobs) {
    return Fail(ErrorCode::kInvalidArgument, "'jobs' is no number from 1 to 64");
  }
  if (!asked.folder.starts_with('/')) {
    return Fail(ErrorCode::kInvalidArgument, "'folder' is no absolute path",
                "It is an empty folder on the client's machine, of its own.");
  }
  engines::FetchRequest request;
  TRY_ASSIGN(request.repository, RepositoryOf(std::move(asked.repository)));
  api::SourceConnection& at = asked.connection;
  request.connection = {std::move(at.scheme),       std::move(at.host),     at.port,
                        std::move(at.user),         std::move(at.database), std::move(at.ssl_mode),
                        std::move(at.ssl_root_cert)};
  request.physical = asked.method == "physical";
  request.jobs = static_cast<uint32_t>(asked.jobs);
  request.has_password = asked.has_password;
  request.folder = std::move(asked.folder);
  request.answers = std::move(asked.answers);
  request.version = std::move(asked.version);
  return request;
}

api::FetchSecret SecretOf(engines::FetchSecret&& secret) {
  using As = engines::FetchSecret::As;
  api::FetchSecret said{secret.as == As::kFile    ? "file"
                        : secret.as == As::kInput ? "input"
                                                  : "",
                        std::move(secret.before),
                        std::move(secret.after),
                        {}};
  for (auto& [character, escape] : secret.escapes)
    said.escapes.emplace_back(std::string(1, character), escape);
  return said;
}

api::FetchCommand CommandOf(engines::FetchCommand&& command) {
  using Output = engines::FetchCommand::Output;
  api::FetchCommand said;
  said.title = std::move(command.title);
  said.programs = std::move(command.programs);
  said.arguments = std::move(command.arguments);
  said.environment = std::move(command.environment);
  said.secret = SecretOf(std::move(command.secret));
  said.output = command.output == Output::kAnswer   ? "answer"
                : command.output == Output::kBackup ? "backup"
                                                    : "";
  said.grows = std::move(command.grows);
  said.expected_bytes = command.expected_bytes;
  said.deadline_seconds = command.deadline_seconds;
  for (engines::FetchFailure& failure : command.failures) {
    said.failures.push_back(
        {std::move(failure.words), std::string(ErrorCodeName(failure.code)), std::move(failure.hint)});
  }
  said.install_hint = std::move(command.install_hint);
  return said;
}

api::FetchPlan ViewOf(engines::FetchPlan&& plan) {
  api::FetchPlan view;
  for (engines::FetchCommand& command : plan.commands) view.commands.push_back(CommandOf(std::move(command)));
  view.complete = plan.complete;
  view.backup_name = std::move(plan.backup_name);
  view.backup_folder = std::move(plan.backup_folder);
  view.wal_folder = std::move(plan.wal_folder);
  view.version = std::move(plan.version);
  view.database = std::move(plan.database);
  view.warnings = std::move(plan.warnings);
  return view;
}

/// Looks again before it says that something is not installed.
Result<engines::FetchPlan> PlanOf(const engines::Engine& engine, const engines::FetchRequest& request,
                                  Installations& installations) {
  const auto plan_with = [&](const std::vector<engines::Installation>& installed) {
    return request.repository.tool.empty() ? engine.PlanFetch(request, installed)
                                           : engine.PlanRepository(request, installed);
  };
  // Not once all is fetched.
  if (!request.version.empty()) TRY(installations.ChooseOrDetect(engine, request.version));
  auto plan = plan_with(installations.All());
  if (plan || plan.error().code != ErrorCode::kUnsupported) return plan;
  installations.Detect();
  return plan_with(installations.All());
}

}  // namespace

void CreateFetchPlan(Services& services, const http::Request& request, const http::Reply& reply) {
  auto asked = api::FromJson<api::FetchPlanRequest>(request.body);
  if (!asked) return SendError(reply, asked.error());
  if (asked->engine.empty()) {
    return SendError(
        reply, {ErrorCode::kInvalidArgument, "'engine' is missing", "'spawnctl get engines' lists them."});
  }
  const auto engine = engines::FindEngine(asked->engine);
  if (!engine) return SendError(reply, engine.error());
  auto wanted = RequestOf(std::move(*asked));
  if (!wanted) return SendError(reply, wanted.error());
  services.questions.Run({request.peer.identity.uid},
                         [reply, engine = *engine, wanted = std::move(*wanted),
                          &installations = services.build.installations](const std::stop_token&) {
                           auto plan = PlanOf(*engine, wanted, installations);
                           if (!plan) return SendError(reply, plan.error());
                           SendJson(reply, api::ToJson(ViewOf(std::move(*plan))));
                         });
}

}  // namespace spawnd::daemon
