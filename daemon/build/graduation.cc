#include "daemon/build/graduation.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "api/error_codes.h"
#include "api/image_reference.h"
#include "api/json.h"
#include "base/random.h"
#include "daemon/build/context.h"
#include "daemon/build/server.h"
#include "daemon/images/images.h"
#include "daemon/keeper/files.h"
#include "daemon/store/disk.h"
#include "engines/registry.h"

namespace spawnd::daemon {
namespace {

/// "<container>-graduate-<n>", the first that no image has.
Result<std::string> FreeName(Catalog& catalog, const std::string& container) {
  TRY_ASSIGN(const auto images, catalog.ListImages(Rows::kAll));
  for (int n = 1;; ++n) {
    std::string name = container + "-graduate-" + std::to_string(n);
    const auto has_it = [&name](const ImageRow& image) { return image.name == name; };
    if (std::any_of(images.begin(), images.end(), has_it)) continue;
    auto valid = api::ValidateName(name, "data image");
    if (valid) return name;
    valid.error().hint = "Choose one with --name.";
    return Fail(std::move(valid.error()));
  }
}

class Graduation {
 public:
  Graduation(DaemonState& state, GraduationOrder& order, const std::stop_token& daemon_stops)
      : state_(state),
        order_(order),
        progress_(order.reply),
        when_daemon_stops_(daemon_stops, [this] { stop_.request_stop(); }),
        when_client_gone_(order.reply.ClientGone(), [this] { stop_.request_stop(); }),
        context_{state, daemon_stops, stop_.get_token(), progress_} {}

  bool Begun() const { return begun_; }

  Result<api::DataImage> Run() {
    TRY_ASSIGN(engine_, engines::FindEngine(order_.image.engine));
    TRY_ASSIGN(installation_, state_.installations.ChooseOrDetect(
                                  *engine_, engine_->MajorVersion(order_.image.engine_version)));
    TRY_ASSIGN(id_,
               context_.Ask([&state = state_, row = NewRow(), container = order_.container.name, stop = stop_,
                             feed = progress_.Feed()] { return Insert(state, row, container, stop, feed); }));
    begun_ = true;
    order_.reply.Begin();
    auto sealed = StartAndSeal();
    auto completed = sealed ? CompleteBuild(context_, id_, *sealed) : Fail(std::move(sealed.error()));
    if (completed) return ViewOfBuild(context_, id_, order_.warnings);
    const auto abandoned = AbandonBuild(context_, id_, layer_id_, completed.error());
    if (!abandoned) spdlog::error("image {} is left for the next start: {}", id_, abandoned.error().message);
    return Fail(std::move(completed.error()));
  }

 private:
  static Result<int64_t> Insert(DaemonState& state, ImageRow row, const std::string& container,
                                const std::stop_source& stop, const std::shared_ptr<BuildFeed>& feed) {
    if (row.name.empty()) {
      TRY_ASSIGN(row.name, FreeName(*state.catalog, container));
    }
    TRY_ASSIGN(row.leased_layers, state.catalog->LayersOfImage(row.id));
    // The image's row may be gone by now, and its layers with it.
    TRY(state.catalog->ImageById(std::exchange(row.id, 0)));
    return state.images->BeginBuild(row, stop, feed);
  }

  /// With the id of the image that it comes from.
  ImageRow NewRow() const {
    ImageRow row;
    row.id = order_.image.id;
    row.name = order_.request.name;
    row.engine = order_.image.engine;
    row.engine_version = installation_.version;
    row.version_text = order_.image.version_text;
    row.detail = order_.image.detail;
    row.owner = order_.caller.uid;
    row.durability = order_.image.durability;
    row.initial_database = order_.image.initial_database;
    row.database = order_.image.database;
    row.created_at = std::time(nullptr);
    row.tags = order_.request.tags;
    row.teams = order_.request.teams;
    return row;
  }

  Result<ImageCompletion> StartAndSeal() {
    progress_.Stage("starting");
    BuildServer::Options options{id_, state_.layout.Images() + "/" + order_.image.index_file, layer_id_,
                                 installation_, engine_->MakeCredentials(order_.image.database)};
    // The container's own user is what is in the revision, and what has to go. Its password is already
    // useless here: the build server gets another.
    options.credentials.user = order_.container.user;
    if (order_.revision != 0) {
      options.base_revision = storage::RevisionReference{
          .directory = state_.layout.Container(order_.container.id) + "/" + kDeltaName,
          .number = order_.revision};
    }
    TRY_ASSIGN(const auto server, BuildServer::Start(context_, std::move(options)));
    auto sealed = server->Seal(order_.image.database);
    if (!sealed) return Fail(ExplainSpace(std::move(sealed.error()), state_.layout.Root()));
    return sealed;
  }

  DaemonState& state_;
  GraduationOrder& order_;
  BuildProgress progress_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> when_daemon_stops_;
  std::stop_callback<std::function<void()>> when_client_gone_;
  BuildContext context_;
  const engines::Engine* engine_ = nullptr;
  engines::Installation installation_;
  int64_t id_ = 0;
  const std::string layer_id_ = RandomId();
  bool begun_ = false;
};

}  // namespace

void Graduate(DaemonState& state, GraduationOrder order, const std::stop_token& stop) {
  const http::Reply reply = order.reply;
  Graduation graduation(state, order, stop);
  auto image = graduation.Run();
  if (image) {
    spdlog::info("image {} ('{}') is {} of container {}", image->id, image->name,
                 RevisionText(order.revision), order.container.id);
    reply.Line(api::ResultLine(api::ToJson(*image)));
    reply.End();
    return;
  }
  Error error = ExplainSpace(std::move(image.error()), state.layout.Root());
  if (error.code == ErrorCode::kCancelled) {
    error.message = stop.stop_requested() ? "the daemon is stopping" : "graduating was stopped";
  }
  spdlog::warn("container {} was not graduated: {}", order.container.id, error.message);
  if (!graduation.Begun()) return reply.Send(api::HttpStatus(error.code), api::ToJson(error));
  reply.Line(api::ErrorLine(error));
  reply.End();
}

}  // namespace spawnd::daemon
