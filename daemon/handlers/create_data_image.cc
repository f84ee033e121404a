/// POST /v1/data-images: checks the request, then hands it to a build job, which streams its progress.
#include <utility>

#include "api/image_reference.h"
#include "api/json.h"
#include "api/lifetime.h"
#include "daemon/build/build.h"
#include "daemon/handlers/answer.h"
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/labels.h"
#include "daemon/handlers/room.h"
#include "daemon/host/engine_host.h"

namespace spawnd::daemon {
namespace {

/// Paths of a kind are there when, and only when, they are the source.
Result<void> CheckPaths(bool is_source, std::string_view source, std::string_view noun,
                        const std::vector<std::string>& paths, std::string_view hint) {
  if (is_source && paths.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "sourceType '" + std::string(source) + "' needs a " + std::string(noun), std::string(hint));
  }
  if (!is_source && !paths.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "a " + std::string(noun) + " is given, but sourceType is not '" + std::string(source) + "'",
                "Use sourceType: " + std::string(source) + ".");
  }
  for (const std::string& path : paths) {
    // Relative to what? Only the client knows, and it has resolved it.
    if (path.starts_with('/')) continue;
    return Fail(ErrorCode::kInvalidArgument, std::string(noun) + " path '" + path + "' is not absolute");
  }
  return {};
}

Result<void> Check(const api::CreateDataImageRequest& request) {
  TRY(api::ValidateName(request.name, "data image"));
  TRY(CheckImageName(request.name, request.tags));
  if (request.engine.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "the engine of data image '" + request.name + "' is missing",
                "'spawnctl get engines' lists them.");
  }
  TRY(api::ValidateLifetime(request.lifetime_seconds));
  TRY(CheckPaths(request.source_type == api::SourceType::kBackup, "backup", "backup", request.backups,
                 "Name it: `backups: [{folder: ./backups, file: production.sql}]`."));
  TRY(CheckPaths(request.source_type == api::SourceType::kScripts, "scripts", "scripts folder",
                 request.scripts_folders, "Name it: `scriptsFolders: [./sql]`."));
  return {};
}

/// What reaches the host's network reaches every service on it that asks for no password.
Result<void> CheckNetwork(const api::CreateDataImageRequest& request, uid_t caller, const EngineHost& host) {
  if (request.network != api::Network::kHost || host.host_network || caller == 0) return {};
  return Fail(ErrorCode::kForbidden, "only root may give an image the host's network",
              "Leave `network: host` out, or ask the administrator for it.");
}

}  // namespace

void CreateDataImage(Services& services, const http::Request& request, const http::Reply& reply) {
  auto wanted = api::FromJson<api::CreateDataImageRequest>(request.body);
  if (!wanted) return SendError(reply, wanted.error());
  const auto checked = Check(*wanted);
  if (!checked) return SendError(reply, checked.error());
  const auto network = CheckNetwork(*wanted, request.peer.identity.uid, services.build.engine_host);
  if (!network) return SendError(reply, network.error());
  auto shared = ShareWith(services.teams, request.peer.identity, wanted->teams);
  if (!shared) return SendError(reply, shared.error());
  const auto room = CheckRoom(services.disk);
  if (!room) return SendNoRoom(services, request.peer.identity, reply, room.error());
  std::vector<std::string> warnings = std::move(shared->warnings);
  warnings.insert(warnings.end(), room->begin(), room->end());
  wanted->teams = std::move(shared->teams);
  BuildOrder order{std::move(*wanted), request.peer.socket, request.peer.identity.uid, reply.ClientGone()};
  order.idle_teams = std::move(shared->idle_teams);
  const StreamedAnswer answer(reply);
  const auto build = [&services, order = std::move(order), answer,
                      warnings = std::move(warnings)](const std::stop_token& stop) mutable {
    BuildProgress progress([&answer](const api::Progress& line) { answer.Progress(line); });
    auto image = BuildImage(services.build, order, progress, stop);
    if (image && !image->detail.empty()) warnings.push_back(image->detail);  // what stands in for the engine
    services.mailbox.Post([&services, image = std::move(image), answer, warnings] {
      AnswerWithImage(services, image, answer, warnings);
    });
  };
  services.builds.RunUnless(reply.ClientGone(), build, [answer](const Error& why) { answer.Failed(why); });
}

}  // namespace spawnd::daemon
