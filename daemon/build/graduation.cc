#include "daemon/build/graduation.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "api/image_reference.h"
#include "daemon/build/context.h"
#include "daemon/build/restore.h"
#include "daemon/build/run.h"
#include "daemon/build/server.h"
#include "daemon/catalog/catalog.h"
#include "daemon/host/installations.h"
#include "daemon/images/images.h"
#include "daemon/store/layout.h"
#include "daemon/store/volumes.h"
#include "engines/registry.h"
#include "engines/settings.h"

namespace spawnd::daemon {
namespace {

/// "<container>-graduate-<n>", the first that no image of the owner has. What others call theirs is nobody's
/// business.
Result<std::string> FreeName(Catalog& catalog, const std::string& container, uid_t owner) {
  TRY_ASSIGN(const auto images, catalog.images.List(Rows::kAll));
  for (int n = 1;; ++n) {
    std::string name = container + "-graduate-" + std::to_string(n);
    const auto has_it = [&](const ImageRow& image) { return image.owner == owner && image.name == name; };
    if (std::any_of(images.begin(), images.end(), has_it)) continue;
    auto valid = api::ValidateName(name, "data image");
    if (valid) return name;
    valid.error().hint = "Choose one with --name.";
    return Fail(std::move(valid.error()));
  }
}

/// Inserts the new image's row. Loop thread only. `row.id` is that of the image that the container comes
/// from.
Result<int64_t> Begin(Catalog& catalog, Images& images, ImageRow row, const std::string& container,
                      const std::stop_source& stop, const std::shared_ptr<BuildFeed>& feed) {
  if (row.name.empty()) {
    TRY_ASSIGN(row.name, FreeName(catalog, container, row.owner));
  }
  TRY_ASSIGN(row.leased_layers, catalog.images.LayersOf(row.id));
  // The image's row may be gone by now, and its layers with it.
  TRY(catalog.images.ById(std::exchange(row.id, 0)));
  return images.BeginBuild(row, stop, feed);
}

class Graduation {
 public:
  Graduation(BuildHost& host, const GraduationOrder& order, BuildProgress& progress,
             const std::stop_token& daemon_stops)
      : host_(host),
        order_(order),
        stop_(daemon_stops, order.withdrawn),
        context_{host, daemon_stops, stop_.Token(), progress} {}

  const BuildContext& Context() const { return context_; }

  Result<ImageRow> Make() {
    TRY_ASSIGN(engine_, engines::FindEngine(order_.image.engine));
    TRY_ASSIGN(installation_, host_.installations.ForDataOrDetect(*engine_, order_.image.engine_version));
    return Run(context_, {[&catalog = host_.catalog, &images = host_.images, row = NewRow(),
                           container = order_.container.name, stop = stop_.Source(),
                           feed = context_.progress.Feed(), cause = Cause()] {
                            const auto because = catalog.events.Because(cause);
                            return Begin(catalog, images, row, container, stop, feed);
                          },
                          [this](const PendingImage& image) { return StartAndSeal(image); }});
  }

 private:
  EventCause Cause() const {
    EventCause cause = order_.cause;
    cause.container_id = order_.container.id;
    cause.revision = RevisionText(order_.revision);
    return cause;
  }

  /// The new image's row. Its id is that of the image that the container comes from.
  ImageRow NewRow() const {
    ImageRow row;
    row.id = order_.image.id;
    row.name = order_.request.name;
    row.engine = order_.image.engine;
    row.engine_version = installation_.version;
    row.version_text = order_.image.version_text;
    row.detail = DetailOfBase();
    row.owner = order_.owner;
    row.durability = order_.image.durability;
    row.sleep_after = order_.image.sleep_after;
    // The host's network is root's to give. Whoever was given it does not give it on.
    if (order_.owner == 0) row.network = order_.image.network;
    row.tls = order_.image.tls;
    row.superuser = order_.container.superuser;
    row.mask_digest = order_.image.mask_digest;
    row.limits = order_.image.limits;
    row.settings = engines::Overlay(order_.container.settings, order_.image.settings);
    row.initial_database = order_.image.initial_database;
    row.database = order_.image.database;
    row.created_at = std::time(nullptr);
    row.tags = order_.request.tags;
    row.teams = order_.request.teams;
    row.idle_teams = order_.idle_teams;
    return row;
  }

  /// What is to be known of the data is to be known of what was made of it; its log stays where it is.
  std::string DetailOfBase() const {
    std::string detail = order_.image.detail;
    const size_t at = detail.find(kSeeItsLog);
    if (at != std::string::npos) {
      detail.replace(at, kSeeItsLog.size(), "see the log of data image " + std::to_string(order_.image.id));
    }
    return detail;
  }

  Result<ImageCompletion> StartAndSeal(const PendingImage& image) {
    context_.progress.Stage("starting");
    BuildServer::Options options{image.id, host_.layout.Images() + "/" + order_.image.index_file,
                                 image.layer_id, installation_,
                                 engine_->MakeCredentials(order_.image.database)};
    // The container's own user is what is in the revision, and what has to go. Its password is already
    // useless here: the build server gets another.
    options.credentials.user = order_.container.user;
    // What a user who is no superuser has prepared is not to be run by one.
    options.credentials.superuser = order_.container.superuser;
    options.superuser = order_.container.superuser;
    if (order_.revision != 0) {
      TRY_ASSIGN(options.ground, GroundOn(host_.layout, order_.container.id,
                                          {order_.revision, HolderOf(order_.container, order_.revision)}));
    }
    options.limits = order_.image.limits;
    options.settings = engines::Overlay(order_.container.settings, order_.image.settings);
    TRY_ASSIGN(const auto server, BuildServer::Start(context_, std::move(options)));
    auto sealed = server->Seal(order_.image.database);
    if (!sealed) return Fail(server->Explain(std::move(sealed.error())));
    TRY(context_.StopRequested());
    return sealed;
  }

  BuildHost& host_;
  const GraduationOrder& order_;
  const BuildStop stop_;
  const BuildContext context_;
  const engines::Engine* engine_ = nullptr;
  engines::Installation installation_;
};

}  // namespace

Result<ImageRow> Graduate(BuildHost& host, const GraduationOrder& order, BuildProgress& progress,
                          const std::stop_token& stop) {
  Graduation graduation(host, order, progress, stop);
  auto image = graduation.Make();
  if (image) {
    spdlog::info("image {} ('{}') is {} of container {}", image->id, image->name,
                 RevisionText(order.revision), order.container.id);
    return image;
  }
  Error error = WhyItEnded(std::move(image.error()), graduation.Context(), "graduating");
  spdlog::warn("container {} was not graduated: {}", order.container.id, error.message);
  return Fail(std::move(error));
}

}  // namespace spawnd::daemon
