#include "daemon/build/empty.h"

#include <ctime>
#include <optional>
#include <utility>

#include "base/random.h"
#include "daemon/build/server.h"
#include "daemon/images/images.h"
#include "daemon/store/disk.h"

namespace spawnd::daemon {
namespace {

/// Counts up when what goes into a fresh volume changes (mkfs options, initdb options), so that a new spawnd
/// does not build on what an older one sealed.
constexpr int kRecipe = 1;

Result<std::optional<ImageRow>> FindEmptyImage(const BuildContext& context, const std::string& key) {
  auto row = context.Ask([&state = context.state, key] { return state.catalog->FindCachedImage(key); });
  if (row) return std::optional<ImageRow>(std::move(*row));
  if (row.error().code == ErrorCode::kNotFound) return std::optional<ImageRow>();
  return Fail(std::move(row.error()));
}

Result<ImageCompletion> InitialiseAndSeal(const BuildContext& context, BuildServer::Options options) {
  context.progress.Stage("initialising");
  TRY_ASSIGN(const auto server, BuildServer::Start(context, std::move(options)));
  auto sealed = server->Seal("");
  if (!sealed) return Fail(ExplainSpace(std::move(sealed.error()), context.state.layout.Root()));
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
  TRY_ASSIGN(const int64_t id, context.Ask([&state = context.state, row, feed = context.progress.Feed()] {
    return state.images->BeginBuild(row, std::stop_source(std::nostopstate), feed);
  }));
  const std::string layer_id = RandomId();
  auto completion = InitialiseAndSeal(context, {id, "", layer_id, installation, engine.MakeCredentials("")});
  auto completed = completion ? context.Ask([&state = context.state, id, value = *completion] {
    return state.images->CompleteBuild(id, value);
  })
                              : Fail(completion.error());
  if (!completed) {
    TRY(AbandonBuild(context, id, layer_id, completed.error()));
    return Fail(std::move(completed.error()));
  }
  return context.Ask([&state = context.state, id] { return state.catalog->ImageById(id); });
}

}  // namespace

std::string EmptyImageKey(const Config& config, const engines::Installation& installation) {
  return installation.engine + " " + installation.version + " volume " + std::to_string(config.volume_bytes) +
         " recipe " + std::to_string(kRecipe);
}

Result<ImageRow> EnsureEmptyImage(const BuildContext& context, const engines::Engine& engine,
                                  const engines::Installation& installation) {
  const std::string key = EmptyImageKey(context.state.config, installation);
  TRY_ASSIGN(const auto made, FindEmptyImage(context, key));
  if (made && made->state == ImageState::kCompleted) return *made;
  // Also to those that wait until another one has made it.
  context.progress.Note(std::string(engine.DisplayName()) + " " + installation.version +
                        " is used for the first time: its empty server is being made");
  TRY_ASSIGN(const KeyGuards::Held held, context.state.empty_images.Acquire(key, context.stop));
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
