#include "daemon/build/empty.h"

#include <ctime>
#include <optional>
#include <utility>

#include "daemon/build/run.h"
#include "daemon/build/server.h"
#include "daemon/images/empty_key.h"
#include "daemon/images/images.h"
#include "daemon/loop/key_guards.h"
#include "daemon/store/layout.h"

namespace spawnd::daemon {
namespace {

Result<std::optional<ImageRow>> FindEmptyImage(const BuildContext& context, const std::string& key) {
  auto row = context.Ask([&catalog = context.host.catalog, key] { return catalog.images.FindCached(key); });
  if (row) return std::optional<ImageRow>(std::move(*row));
  if (row.error().code == ErrorCode::kNotFound) return std::optional<ImageRow>();
  return Fail(std::move(row.error()));
}

Result<ImageCompletion> InitialiseAndSeal(const BuildContext& context, BuildServer::Options options) {
  context.progress.Stage("initialising");
  TRY_ASSIGN(const auto server, BuildServer::Start(context, std::move(options)));
  auto sealed = server->Seal("");
  if (!sealed) return Fail(server->Explain(std::move(sealed.error())));
  return sealed;
}

Result<ImageRow> BuildEmptyImage(const BuildContext& context, const engines::Engine& engine,
                                 const engines::Installation& installation, const std::string& key) {
  ImageRow row;
  row.name = installation.engine + "-" + installation.version + "-empty";
  row.engine = installation.engine;
  row.engine_version = installation.version;
  row.created_at = std::time(nullptr);
  row.cache_key = key;
  // Nobody can delete it while it is being made.
  return Run(context, {[&images = context.host.images, row, feed = context.progress.Feed()] {
                         return images.BeginBuild(row, std::stop_source(std::nostopstate), feed);
                       },
                       [&](const PendingImage& image) {
                         return InitialiseAndSeal(context, {image.id, "", image.layer_id, installation,
                                                            engine.MakeCredentials("")});
                       }});
}

}  // namespace

Result<ImageRow> EnsureEmptyImage(const BuildContext& context, const engines::Engine& engine,
                                  const engines::Installation& installation) {
  const std::string key = EmptyImageKey(context.host.volume_bytes, installation);
  TRY_ASSIGN(const auto made, FindEmptyImage(context, key));
  if (made && made->state == ImageState::kCompleted) return *made;
  // Said before the wait below, so that those who wait for another build of it hear it too.
  context.progress.Note(std::string(engine.DisplayName()) + " " + installation.version +
                        " is used for the first time: its empty server is being made");
  TRY_ASSIGN(const KeyGuards::Held held, context.host.empty_images.Acquire(key, context.stop));
  TRY_ASSIGN(auto found, FindEmptyImage(context, key));
  if (found && found->state == ImageState::kCompleted) return std::move(*found);
  if (found) {
    // Its builder could not end its keeper, so its files had to stay. They may not be built upon.
    return Fail(ErrorCode::kUnavailable,
                "an earlier attempt to initialise " + installation.engine + " " + installation.version +
                    " has not been cleaned up",
                "Restart spawnd: it removes what is left at its start. Containers keep running.");
  }
  return BuildEmptyImage(context, engine, installation, key);
}

}  // namespace spawnd::daemon
