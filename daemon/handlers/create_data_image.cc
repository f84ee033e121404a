/// POST /v1/data-images: checks the request, then hands it to a build job, which streams its progress.
#include <optional>
#include <utility>

#include "api/image_reference.h"
#include "api/json.h"
#include "api/lifetime.h"
#include "api/mask.h"
#include "api/point_in_time.h"
#include "api/resource_limits.h"
#include "api/restore_options.h"
#include "daemon/access/trail.h"
#include "daemon/build/build.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/answers/labels.h"
#include "daemon/handlers/answers/room.h"
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/sources/source_views.h"
#include "daemon/host/engine_host.h"
#include "daemon/http/descriptors.h"
#include "daemon/sources/sources.h"

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
  TRY(api::ValidateMask(request.mask));
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

/// A request that was let through, on its way to its build.
struct WantedImage {
  api::CreateDataImageRequest request;
  http::Peer peer;
  std::shared_ptr<http::Descriptors> descriptors;
  std::stop_token gone;
  std::vector<std::string> idle_teams;
  std::vector<std::string> warnings;
  int64_t source_id = 0;
  bool source_run = false;
  StandbyCut cut{};  ///< without an id: it is of no standby
};

/// On the job's thread, where the files may be closed.
Result<BuildOrder> OrderOf(const WantedImage& wanted, Uploads& uploads) {
  const api::CreateDataImageRequest& request = wanted.request;
  const uid_t user = wanted.peer.identity.uid;
  http::Descriptors* descriptors = wanted.descriptors.get();
  BuildOrder order;
  order.request = request;
  if (!request.restore.at.empty()) {
    TRY_ASSIGN(order.request.restore.at, api::CanonicalPointInTime(request.restore.at));
  }
  TRY_ASSIGN(order.backups, FilesOf(request.backups, "backup", descriptors, uploads, user));
  TRY_ASSIGN(order.scripts_folders,
             FilesOf(request.scripts_folders, "scripts folder", descriptors, uploads, user));
  TRY_ASSIGN(order.wal_folders,
             FilesOf(request.wal_folders, "folder of log segments", descriptors, uploads, user));
  order.caller = wanted.peer.socket;
  order.client = wanted.peer.pid;
  order.client_fd = wanted.peer.process;
  order.owner = user;
  order.withdrawn = wanted.gone;
  order.idle_teams = wanted.idle_teams;
  order.cause = CauseOf(wanted.peer);
  order.source_id = wanted.source_id;
  order.source_run = wanted.source_run;
  order.cut = wanted.cut.image_id;
  return order;
}

/// The source that the image is to be one of: the caller's own, because it is his `keep` that counts, and for
/// a standby his data.
Result<std::optional<SourceRow>> SourceOf(Services& services, const api::CreateDataImageRequest& request,
                                          const http::Caller& who) {
  const bool is_cut = request.source_type == api::SourceType::kStandby;
  if (request.source.empty() && is_cut) {
    return Fail(
        ErrorCode::kInvalidArgument, "an image of a standby needs its data source",
        "`spawnctl create data-source` makes one of this file; then `spawnctl create data-image --source "
        "<name>`.");
  }
  if (request.source.empty()) return std::nullopt;
  TRY_ASSIGN(SourceRow row, services.catalog.sources.Find(request.source, [&who](const SourceRow& source) {
    return source.owner == who.uid && MaySee(source, who);
  }));
  if (row.state.empty() != is_cut) return row;
  return Fail(ErrorCode::kInvalidArgument,
              "data source '" + row.name + "' is " +
                  (is_cut ? "no standby" : "a standby: it gives images of its own") +
                  ", and the image is to be of sourceType '" + (is_cut ? "standby" : "backup or the like") +
                  "'");
}

void BeginBuild(Services& services, WantedImage wanted, const StreamedAnswer& answer) {
  const uid_t user = wanted.peer.identity.uid;
  const std::stop_token gone = wanted.gone;
  const StandbyCut cut = wanted.cut;
  const auto release = [&services, cut] {
    if (cut.image_id != 0) services.sources.GetStandbys()->Release(cut);
  };
  const auto build = [&services, wanted = std::move(wanted), answer,
                      release](const std::stop_token& stop) mutable {
    BuildProgress progress([&answer](const api::Progress& line) { answer.Progress(line); });
    auto order = OrderOf(wanted, services.uploads);
    auto image = order ? BuildImage(services.build, std::move(*order), progress, stop)
                       : Fail(std::move(order.error()));
    if (image) NoteChange(wanted.peer, "create", "data-image", image->id, image->name);
    if (image && !image->detail.empty())
      wanted.warnings.push_back(image->detail);  // what stands in, what was passed over
    services.mailbox.Post([&services, image = std::move(image), answer, release, warnings = wanted.warnings] {
      release();
      AnswerWithImage(services, image, answer, warnings);
    });
  };
  services.builds.Run({.owner = {user},
                       .work = build,
                       .gone = gone,
                       .dropped =
                           [&services, answer, release](const Error& why) {
                             services.mailbox.Post(release);
                             answer.Failed(why);
                           },
                       .queued = TellQueued(answer, "build")});
}

/// A standby is cut first; what is built then is of the cut.
void CutAndBuild(Services& services, WantedImage wanted, const StreamedAnswer& answer) {
  Standbys* standbys = services.sources.GetStandbys();
  if (standbys == nullptr) {
    return answer.Failed({ErrorCode::kUnsupported, "this spawnd keeps no standbys"});
  }
  answer.Progress({.stage = "cutting", .bytes_done = 0, .bytes_total = 0, .message = {}});
  const int64_t source_id = wanted.source_id;
  standbys->Cut(source_id,
                [&services, wanted = std::move(wanted), answer](const Result<StandbyCut>& cut) mutable {
                  if (!cut) return answer.Failed(cut.error());
                  wanted.cut = *cut;
                  BeginBuild(services, std::move(wanted), answer);
                });
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
  const auto source = SourceOf(services, *wanted, request.peer.identity);
  if (!source) return SendError(reply, source.error());
  auto shared = ShareWith(services.teams, request.peer.identity, wanted->teams, !wanted->mask.empty());
  if (!shared) return SendError(reply, shared.error());
  const auto room = CheckRoom(services.disk);
  if (!room) return SendNoRoom(services, request.peer.identity, reply, room.error());
  WantedImage image{.request = std::move(*wanted),
                    .peer = request.peer,
                    .descriptors = request.descriptors,
                    .gone = reply.ClientGone(),
                    .idle_teams = std::move(shared->idle_teams),
                    .warnings = std::move(shared->warnings)};
  image.warnings.insert(image.warnings.end(), room->begin(), room->end());
  image.request.teams = std::move(shared->teams);
  if (*source) {
    image.source_id = (*source)->id;
    image.source_run = services.sources.IsRun(image.source_id, request.peer.pid);
  }
  const StreamedAnswer answer(reply);
  if (image.request.source_type == api::SourceType::kStandby) {
    return CutAndBuild(services, std::move(image), answer);
  }
  BeginBuild(services, std::move(image), answer);
}

}  // namespace spawnd::daemon
