#include "daemon/builtin_images.h"

#include <algorithm>

#include "daemon/daemon_state.h"
#include "daemon/image_builder_empty.h"
#include "engines/registry.h"

namespace spawnd::daemon {
namespace {

constexpr std::string_view kSuffix = "-empty";

std::string NameOf(const engines::Engine& engine) {
  return std::string(engine.ShortName()) + std::string(kSuffix);
}

/// Major versions that can be used, newest first.
std::vector<std::string> VersionsOf(const engines::Engine& engine,
                                    const std::vector<engines::Installation>& all) {
  std::vector<std::string> versions;
  for (const engines::Installation& one : all) {
    if (one.engine != engine.Name() || !one.problem.empty()) continue;
    std::string major = engine.MajorVersion(one.version);
    if (std::find(versions.begin(), versions.end(), major) == versions.end())
      versions.push_back(std::move(major));
  }
  return versions;
}

api::DataImage ViewOf(DaemonState& state, const engines::Engine& engine, std::vector<std::string> versions) {
  api::DataImage view;
  view.name = NameOf(engine);
  view.engine = std::string(engine.DisplayName()) + ":" + versions.front();
  view.status = api::Status::kCompleted;
  view.teams = {std::string(kPublicTeam)};
  if (const auto installation = state.installations.Choose(engine, "")) {
    view.engine_version = installation->version;
    if (const auto made = state.catalog->FindCachedImage(EmptyImageKey(state.config, *installation))) {
      view.id = made->id;
      view.created_at = made->created_at;
      view.data_bytes = made->data_bytes;
      view.disk_bytes = made->disk_bytes;
    }
  }
  view.tags = std::move(versions);
  return view;
}

}  // namespace

std::optional<BuiltInImage> FindBuiltIn(std::string_view reference) {
  const size_t colon = reference.find(':');
  const std::string_view name = reference.substr(0, colon);
  for (const engines::Engine* engine : engines::AllEngines()) {
    if (name != NameOf(*engine)) continue;
    return BuiltInImage{engine, std::string(name),
                        colon == std::string_view::npos ? "" : std::string(reference.substr(colon + 1))};
  }
  return std::nullopt;
}

std::optional<api::DataImage> BuiltInView(DaemonState& state, const BuiltInImage& built_in) {
  std::vector<std::string> versions = VersionsOf(*built_in.engine, state.installations.All());
  const bool has_version = built_in.version.empty() ||
                           std::find(versions.begin(), versions.end(), built_in.version) != versions.end();
  if (versions.empty() || !has_version) return std::nullopt;
  return ViewOf(state, *built_in.engine, std::move(versions));
}

std::vector<api::DataImage> BuiltInViews(DaemonState& state) {
  std::vector<api::DataImage> views;
  for (const engines::Engine* engine : engines::AllEngines()) {
    if (auto view = BuiltInView(state, {engine, NameOf(*engine), ""})) views.push_back(std::move(*view));
  }
  return views;
}

Result<ImageRow> ResolveChangeableImage(DaemonState& state, const Identity& who, const std::string& reference,
                                        std::string_view verb) {
  auto image = ResolveImage(*state.catalog, state.teams, who, reference);
  if (image && MayChange(*image, who)) return image;
  if (image) {
    return Fail(ErrorCode::kForbidden, "data image '" + reference + "' belongs to somebody else",
                "Only its owner and root can " + std::string(verb) + " it.");
  }
  if (image.error().code == ErrorCode::kNotFound && FindBuiltIn(reference)) {
    return Fail(ErrorCode::kForbidden,
                "data image '" + reference + "' is built in: nobody can " + std::string(verb) + " it",
                "It takes no room but the empty state of an engine, which all images of that engine share.");
  }
  return image;
}

}  // namespace spawnd::daemon
