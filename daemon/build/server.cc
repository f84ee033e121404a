#include "daemon/build/server.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <utility>

#include "base/file.h"
#include "daemon/access/caller.h"
#include "daemon/handlers/views.h"
#include "daemon/images/images.h"
#include "daemon/store/disk.h"
#include "storage/image/image_files.h"

namespace spawnd::daemon {
namespace {

constexpr std::chrono::seconds kLaunchDeadline{180};
/// What was placed may have a log to be replayed.
constexpr std::chrono::seconds kRecoveryDeadline{4 * 3600};
/// A clean stop writes a checkpoint of everything that was restored.
constexpr std::chrono::seconds kFinishDeadline{1800};
constexpr std::chrono::seconds kKillDeadline{20};
constexpr int kPortAttempts = 5;

int64_t AllocatedBytesOf(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 ? int64_t{st.st_blocks} * 512 : 0;
}

}  // namespace

Result<std::unique_ptr<BuildServer>> BuildServer::Start(const BuildContext& context, Options options) {
  std::unique_ptr<BuildServer> server(new BuildServer(context, std::move(options)));
  for (int attempt = 1;; ++attempt) {
    TRY_ASSIGN(server->port_, context.state.ports.Reserve());
    auto launched = server->Launch();
    if (launched) return server;
    const Error error = ExplainSpace(std::move(launched.error()), context.state.layout.Root());
    TRY(server->End());
    if (error.code != ErrorCode::kInUse || attempt == kPortAttempts) return Fail(error);
  }
}

BuildServer::~BuildServer() {
  const auto ended = End();
  if (!ended) spdlog::error("build of image {}: {}", options_.image_id, ended.error().message);
}

KeeperSpec BuildServer::Spec() const {
  const DaemonState& state = context_.state;
  KeeperSpec spec;
  spec.id = options_.image_id;
  spec.directory = state.layout.Build(options_.image_id);
  spec.index_path = options_.base_index;
  spec.layer_directory = state.layout.Layers();
  spec.volume_bytes = state.config.volume_bytes;
  spec.installation = options_.installation;
  spec.endpoint = Endpoint();
  spec.credentials = options_.credentials;
  spec.purpose = engines::Purpose::kBuild;
  spec.base_revision = options_.base_revision;
  spec.hold_engine = options_.hold_engine;
  spec.engine_uid = state.engine_user.uid;
  spec.engine_gid = state.engine_user.gid;
  spec.tls_certificate_path = state.tls.certificate_path;
  spec.tls_key_path = state.tls.key_path;
  return spec;
}

Result<void> BuildServer::Launch() {
  const KeeperSpec spec = Spec();
  TRY(PosixFileSystem().CreateDirectory(spec.directory));
  TRY_ASSIGN(keeper_, KeeperClient::Launch(*context_.state.launcher, spec, kLaunchDeadline,
                                           [this] { return context_.stop.stop_requested(); }));
  return {};
}

Result<void> BuildServer::StartEngine() {
  return keeper_->StartEngine(kRecoveryDeadline, [this] { return context_.stop.stop_requested(); });
}

Result<ImageCompletion> BuildServer::Seal(std::string database) {
  const StoreLayout& layout = context_.state.layout;
  TRY(context_.StopRequested());
  context_.progress.Stage("stopping");
  TRY(keeper_->FinishImage(kFinishDeadline, [this] { return context_.stop.stop_requested(); }));
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
  ImageCompletion completion;
  completion.database = std::move(database);
  completion.data_bytes = static_cast<int64_t>(sealed.data_bytes);
  completion.disk_bytes = static_cast<int64_t>(sealed.new_layer_bytes) + AllocatedBytesOf(request.index_path);
  completion.index_file = std::to_string(options_.image_id) + ".index";
  completion.layer_ids = std::move(sealed.layer_ids);
  return completion;
}

Result<void> BuildServer::End() {
  if (keeper_ != nullptr) {
    TRY(keeper_->Kill(kKillDeadline));
    keeper_.reset();
  }
  if (port_ == 0) return {};
  TRY(RemoveTree(context_.state.layout.Build(options_.image_id)));
  context_.state.ports.Release(std::exchange(port_, 0));
  return {};
}

Result<void> CompleteBuild(const BuildContext& context, int64_t image_id, const ImageCompletion& completion) {
  TRY(context.StopRequested());
  return context.Ask([&state = context.state, image_id, completion] {
    return state.images->CompleteBuild(image_id, completion);
  });
}

Result<api::DataImage> ViewOfBuild(const BuildContext& context, int64_t image_id,
                                   const std::vector<std::string>& warnings) {
  DaemonState& state = context.state;
  TRY_ASSIGN(const ImageRow row,
             context.Ask([&state, image_id] { return state.catalog->ImageById(image_id); }));
  TRY_ASSIGN(SpaceAccount account,
             context.Ask([&state] { return SpaceAccount::Take(*state.catalog, state.layout); }));
  api::DataImage view = ViewOfImage(row, UserName(row.owner), account.OfImage(row.id));
  view.warnings = warnings;
  return view;
}

Result<void> AbandonBuild(const BuildContext& context, int64_t image_id, const std::string& layer_id,
                          const Error& why) {
  // Also when what follows does not work. A daemon that is stopping has told them already.
  static_cast<void>(context.Ask([&state = context.state, image_id, why] {
    state.images->BuildFailed(image_id, why);
    return Result<void>();
  }));
  const StoreLayout& layout = context.state.layout;
  TRY_ASSIGN(const bool keeper_may_run, PosixFileSystem().Exists(layout.Build(image_id)));
  if (keeper_may_run) return Fail(ErrorCode::kUnavailable, "the keeper of a build does not end");
  for (const std::string& path :
       {layout.ImageIndex(image_id), layout.Layer(layer_id), layout.ImageLog(image_id)}) {
    TRY(RemoveFile(path));
    TRY(RemoveFile(storage::TemporaryPath(path)));
  }
  return context.Ask([&state = context.state, image_id] { return state.images->AbandonBuild(image_id); });
}

}  // namespace spawnd::daemon
