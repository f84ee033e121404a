#include "daemon/build/server.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <utility>

#include "api/resource_limits.h"
#include "base/file.h"
#include "daemon/host/control_groups.h"
#include "daemon/host/engine_host.h"
#include "daemon/host/ports.h"
#include "daemon/store/disk.h"
#include "daemon/store/layout.h"

namespace spawnd::daemon {
namespace {

constexpr std::chrono::seconds kLaunchDeadline{180};
/// What was placed may have a log to be replayed.
constexpr std::chrono::seconds kRecoveryDeadline{4 * 3600};
/// A clean stop writes a checkpoint of everything that was restored.
constexpr std::chrono::seconds kFinishDeadline{1800};
/// For opening each of its databases once.
constexpr std::chrono::seconds kTrialDeadline{600};
constexpr int kPortAttempts = 5;
/// A build's server is for the tools of its own container, whatever address containers have.
constexpr const char* kLoopback = "127.0.0.1";

int64_t AllocatedBytesOf(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 ? int64_t{st.st_blocks} * 512 : 0;
}

}  // namespace

Result<std::unique_ptr<BuildServer>> BuildServer::Start(const BuildContext& context, Options options) {
  std::unique_ptr<BuildServer> server(new BuildServer(context, std::move(options)));
  for (int attempt = 1;; ++attempt) {
    TRY_ASSIGN(server->port_, context.host.ports.Await(context.stop, kLoopback));
    auto launched = server->Launch();
    if (launched) return server;
    const Error error = ExplainSpace(std::move(launched.error()), context.host.layout.Root());
    TRY(server->End());
    if (error.code != ErrorCode::kInUse || attempt == kPortAttempts) return Fail(error);
  }
}

engines::Endpoint BuildServer::Endpoint() const {
  return {kLoopback, port_};
}

BuildServer::~BuildServer() {
  const auto ended = End();
  if (!ended) spdlog::error("build of image {}: {}", options_.image_id, ended.error().message);
}

KeeperSpec BuildServer::Spec() const {
  const BuildHost& host = context_.host;
  KeeperSpec spec;
  spec.id = options_.image_id;
  spec.directory = host.layout.Build(options_.image_id);
  spec.index_path = options_.base_index;
  spec.layer_directory = host.layout.Layers();
  spec.volume_bytes = host.volume_bytes;
  spec.installation = options_.installation;
  spec.endpoint = Endpoint();
  spec.credentials = options_.credentials;
  spec.purpose = options_.purpose;
  spec.image_superuser = options_.superuser;
  spec.settings = options_.settings;
  LieOn(options_.ground, spec);
  spec.hold_engine = options_.hold_engine;
  spec.engine_uid = spec.engine_gid = host.engine_host.UserOf(port_);
  spec.volume_uid = host.engine_host.uid;
  spec.volume_gid = host.engine_host.gid;
  spec.host_network =
      options_.network ? *options_.network == api::Network::kHost : host.engine_host.host_network;
  return spec;
}

Result<void> BuildServer::Launch() {
  KeeperSpec spec = Spec();
  TRY_ASSIGN(spec.tls, context_.host.engine_host.authority->Issue("build " + std::to_string(spec.id),
                                                                  NamesOfServer({spec.endpoint.host})));
  const std::string group = ControlGroups::OfBuild(options_.image_id);
  const api::Limits limits = api::Overlay(options_.limits, context_.host.engine_host.limits);
  TRY_ASSIGN(spec.control_group, context_.host.groups.Prepare(group, limits));
  spec.most_processes = limits.pids.value_or(0);
  TRY(PosixFileSystem().CreateDirectory(spec.directory));
  TRY_ASSIGN(keeper_, KeeperClient::Launch(context_.host.launcher, spec, kLaunchDeadline,
                                           [this] { return context_.stop.stop_requested(); }));
  context_.host.groups.AdmitKeeper(group, keeper_->Started().pid);
  return {};
}

Result<void> BuildServer::StartEngine() {
  return keeper_->StartEngine(kRecoveryDeadline, [this] { return context_.stop.stop_requested(); });
}

Result<ImageCompletion> BuildServer::Seal(std::string database) {
  const StoreLayout& layout = context_.host.layout;
  TRY(context_.StopRequested());
  context_.progress.Stage("stopping");
  // What cannot be told is not warned of later; the image is as good without.
  auto libraries = keeper_->UsedLibraries([this] { return context_.stop.stop_requested(); });
  TRY(context_.StopRequested());
  if (!libraries) {
    spdlog::warn("image {} does not remember what libraries it uses: {}", options_.image_id,
                 libraries.error().message);
  }
  TRY_ASSIGN(const bool keeps_settings,
             keeper_->FinishImage(kFinishDeadline, [this] { return context_.stop.stop_requested(); }));
  TRY(context_.StopRequested());
  const storage::SealRequest request{layout.Layers(), options_.layer_id,
                                     layout.ImageIndex(options_.image_id)};
  context_.progress.Stage("sealing");
  TRY_ASSIGN(storage::SealResult sealed,
             keeper_->Seal(request, [this](const storage::SealProgress& progress) {
               context_.progress.Bytes("sealing", progress.bytes_done, progress.bytes_total);
               return !context_.stop.stop_requested();
             }));
  TRY(End());
  if (keeps_settings) TRY(TryImage());
  ImageCompletion completion;
  completion.database = std::move(database);
  completion.data_bytes = static_cast<int64_t>(sealed.data_bytes);
  completion.disk_bytes = static_cast<int64_t>(sealed.new_layer_bytes) + AllocatedBytesOf(request.index_path);
  completion.index_file = std::to_string(options_.image_id) + ".index";
  completion.layer_ids = std::move(sealed.layer_ids);
  if (libraries) completion.libraries = std::move(*libraries);
  return completion;
}

Result<void> BuildServer::TryImage() const {
  context_.progress.Stage("starting it once with the settings that it keeps");
  Options options = options_;
  options.base_index = context_.host.layout.ImageIndex(options_.image_id);
  options.ground.clear();
  options.hold_engine = false;
  options.purpose = engines::Purpose::kServe;
  auto server = Start(context_, std::move(options));
  const auto stop = [this] { return context_.stop.stop_requested(); };
  // That it starts is not all: clients load libraries and wait for commits, which our own sessions do not.
  auto used = server ? (*server)->keeper_->FinishImage(kTrialDeadline, stop) : Result<bool>(false);
  if (server) TRY((*server)->End());
  if (server && used) return {};
  TRY(context_.StopRequested());
  Error error = server ? used.error().Wrap("no client could use a container of the image")
                       : server.error().Wrap("no container of the image would start");
  if (error.code != ErrorCode::kNoSpace) error.code = ErrorCode::kInvalidArgument;
  error.hint =
      "The backup, a script or the container set something for the server's next start (ALTER "
      "SYSTEM): take it out, or take it back in `postScript`.";
  return Fail(std::move(error));
}

Error BuildServer::Explain(Error error) {
  VolumeUse volume{context_.host.volume_bytes};
  // Those that have been given up are not asked any more.
  if (keeper_ != nullptr && !context_.stop.stop_requested()) {
    const auto room = keeper_->MeasureVolume();
    if (room) volume.measured = DiskUse{room->bytes - room->free_bytes, room->free_bytes};
    // The keeper has ended, with its server: what tools say of that is no more than that nobody answers.
    const bool server_ended = !room && room.error().code == ErrorCode::kUnavailable;
    const std::string words =
        server_ended ? LastWords(context_.host.layout.Build(options_.image_id), "").message : std::string();
    if (!words.empty() && error.message.find(words) == std::string::npos) error.message += "; " + words;
  }
  return ExplainVolume(std::move(error), volume, context_.host.layout.Root());
}

Result<void> BuildServer::End() {
  if (keeper_ != nullptr) {
    TRY(keeper_->Kill(kKillDeadline));
    keeper_.reset();
  }
  context_.host.groups.Remove(ControlGroups::OfBuild(options_.image_id));
  if (port_ == 0) return {};
  TRY(RemoveTree(context_.host.layout.Build(options_.image_id)));
  context_.host.ports.Release(std::exchange(port_, 0));
  return {};
}

}  // namespace spawnd::daemon
