/// POST /v1/data-images: checks the request, then hands it to a build job, which streams its progress.
#include <utility>

#include "api/image_reference.h"
#include "api/json.h"
#include "api/lifetime.h"
#include "api/point_in_time.h"
#include "api/resource_limits.h"
#include "api/restore_options.h"
#include "daemon/access/trail.h"
#include "daemon/build/build.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/answers/labels.h"
#include "daemon/handlers/answers/room.h"
#include "daemon/handlers/handlers.h"
#include "daemon/host/engine_host.h"
#include "daemon/http/descriptors.h"

namespace spawnd::daemon {
namespace {

/// Files of a kind are there when, and only when, they are the source.
Result<void> CheckFiles(bool is_source, std::string_view source, std::string_view noun,
                        const std::vector<api::ClientFile>& files, std::string_view hint) {
  if (is_source && files.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "sourceType '" + std::string(source) + "' needs a " + std::string(noun), std::string(hint));
  }
  if (!is_source && !files.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "a " + std::string(noun) + " is given, but sourceType is not '" + std::string(source) + "'",
                "Use sourceType: " + std::string(source) + ".");
  }
  for (const api::ClientFile& file : files) {
    if (file.descriptor.has_value() != file.upload.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  std::string(noun) + " '" + file.name + "' needs either a descriptor or an upload");
    }
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
  TRY(CheckWarm(request.warm.value_or(0)));
  TRY(api::ValidateLifetime(request.sleep_after_seconds.value_or(0)));
  TRY(api::ValidateLimits(request.limits));
  TRY(api::ValidateRestore(request.restore));
  TRY(CheckFiles(request.source_type == api::SourceType::kBackup, "backup", "backup", request.backups,
                 "Name it: `backups: [{folder: ./backups, file: production.sql}]`."));
  TRY(CheckFiles(request.source_type == api::SourceType::kBackup && !request.wal_folders.empty(), "backup",
                 "folder of log segments", request.wal_folders, ""));
  TRY(CheckFiles(request.source_type == api::SourceType::kScripts, "scripts", "scripts folder",
                 request.scripts_folders, "Name it: `scriptsFolders: [./sql]`."));
  return {};
}

/// What reaches the host's network reaches every service on it that asks for no password.
Result<void> CheckNetwork(const api::CreateDataImageRequest& request, uid_t caller, const EngineHost& host) {
  if (request.network != api::Network::kHost || host.host_network || caller == 0) return {};
  return Fail(ErrorCode::kForbidden, "only root may give an image the host's network",
              "Leave `network: host` out, or ask the administrator for it.");
}

/// For messages. Whatever it is, it is no path.
std::string NameOf(const api::ClientFile& file, std::string_view noun) {
  std::string_view name = file.name;
  while (name.ends_with('/')) name.remove_suffix(1);
  name = name.substr(name.rfind('/') + 1);
  return std::string(name.empty() ? noun : name);
}

/// Takes what `files` speak of out of what came.
Result<std::vector<ClientFile>> FilesOf(const std::vector<api::ClientFile>& files, std::string_view noun,
                                        http::Descriptors* descriptors, Uploads& uploads, uid_t user) {
  std::vector<ClientFile> taken;
  for (const api::ClientFile& file : files) {
    ClientFile& one = taken.emplace_back();
    one.name = NameOf(file, noun);
    if (!file.descriptor) {
      TRY_ASSIGN(one.fd, uploads.Take(file.upload, user));
      continue;
    }
    if (descriptors != nullptr) one.fd = descriptors->Take(*file.descriptor);
    if (one.fd.Valid()) continue;
    return Fail(ErrorCode::kInvalidArgument,
                "there is no descriptor " + std::to_string(*file.descriptor) + " for " + std::string(noun) +
                    " '" + one.name + "'",
                "Each descriptor is for one file, and the header Spawn-Descriptors says how many come.");
  }
  return taken;
}

/// On the job's thread, where the files may be closed.
Result<BuildOrder> OrderOf(const api::CreateDataImageRequest& wanted, const http::Peer& peer,
                           const std::stop_token& withdrawn, http::Descriptors* descriptors,
                           const std::vector<std::string>& idle_teams, Uploads& uploads) {
  BuildOrder order;
  order.request = wanted;
  if (!wanted.restore.at.empty()) {
    TRY_ASSIGN(order.request.restore.at, api::CanonicalPointInTime(wanted.restore.at));
  }
  TRY_ASSIGN(order.backups, FilesOf(wanted.backups, "backup", descriptors, uploads, peer.identity.uid));
  TRY_ASSIGN(order.scripts_folders,
             FilesOf(wanted.scripts_folders, "scripts folder", descriptors, uploads, peer.identity.uid));
  TRY_ASSIGN(order.wal_folders,
             FilesOf(wanted.wal_folders, "folder of log segments", descriptors, uploads, peer.identity.uid));
  order.caller = peer.socket;
  order.client = peer.pid;
  order.client_fd = peer.process;
  order.owner = peer.identity.uid;
  order.withdrawn = withdrawn;
  order.idle_teams = idle_teams;
  order.cause = CauseOf(peer);
  return order;
}

}  // namespace

void CreateDataImage(Services& services, const http::Request& request, const http::Reply& reply) {
  auto wanted = api::FromJson<api::CreateDataImageRequest>(request.body);
  if (!wanted) return SendError(reply, wanted.error());
  NoteChange(request.peer, "create", "data-image", 0, wanted->name);
  const auto checked = Check(*wanted);
  if (!checked) return SendError(reply, checked.error());
  const auto network = CheckNetwork(*wanted, request.peer.identity.uid, services.engine_host);
  if (!network) return SendError(reply, network.error());
  auto shared = ShareWith(services.teams, request.peer.identity, wanted->teams);
  if (!shared) return SendError(reply, shared.error());
  const auto room = CheckRoom(services.disk);
  if (!room) return SendNoRoom(services, request.peer.identity, reply, room.error());
  std::vector<std::string> warnings = std::move(shared->warnings);
  warnings.insert(warnings.end(), room->begin(), room->end());
  wanted->teams = std::move(shared->teams);
  const StreamedAnswer answer(reply);
  const auto build = [&services, wanted = std::move(*wanted), peer = request.peer, gone = reply.ClientGone(),
                      descriptors = request.descriptors, idle_teams = std::move(shared->idle_teams), answer,
                      warnings = std::move(warnings)](const std::stop_token& stop) mutable {
    BuildProgress progress([&answer](const api::Progress& line) { answer.Progress(line); });
    auto order = OrderOf(wanted, peer, gone, descriptors.get(), idle_teams, services.uploads);
    auto image = order ? BuildImage(services.build, std::move(*order), progress, stop)
                       : Fail(std::move(order.error()));
    if (image) NoteChange(peer, "create", "data-image", image->id, image->name);
    if (image && !image->detail.empty())
      warnings.push_back(image->detail);  // what stands in, what was passed over
    services.mailbox.Post([&services, image = std::move(image), answer, warnings] {
      AnswerWithImage(services, image, answer, warnings);
    });
  };
  services.builds.Run({.owner = {request.peer.identity.uid},
                       .work = build,
                       .gone = reply.ClientGone(),
                       .dropped = [answer](const Error& why) { answer.Failed(why); },
                       .queued = TellQueued(answer, "build")});
}

}  // namespace spawnd::daemon
