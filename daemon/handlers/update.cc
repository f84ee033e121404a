/// POST /v1/data-images/{ref}/update and /v1/data-containers/{ref}/update.
#include <algorithm>
#include <ctime>
#include <optional>

#include "api/image_reference.h"
#include "api/json.h"
#include "api/lifetime.h"
#include "daemon/access/caller.h"
#include "daemon/containers/containers.h"
#include "daemon/daemon_state.h"
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/views.h"
#include "daemon/images/builtin.h"
#include "daemon/reaper.h"

namespace spawnd::daemon {
namespace {

/// 0: never. From now; of what is still being made from when it will be, which its row counts in its own way
/// (catalog.h).
template <typename Row>
Result<std::optional<int64_t>> ExpiryOf(const std::optional<int64_t>& lifetime_seconds, const Row& row,
                                        bool in_making) {
  if (!lifetime_seconds) return std::nullopt;
  TRY(api::ValidateLifetime(*lifetime_seconds));
  return *lifetime_seconds == 0 ? 0 : (in_making ? row.created_at : std::time(nullptr)) + *lifetime_seconds;
}

struct UpdatedImage {
  ImageRow row;
  std::vector<std::string> warnings;
};

/// A label that is not there is as good as one that was taken away: a script that runs again must not fail.
void WarnOfMissing(std::string_view noun, const std::vector<std::string>& to_remove, const ImageRow& image,
                   const std::vector<std::string>& present, std::vector<std::string>& warnings) {
  for (const std::string& one : to_remove) {
    if (std::find(present.begin(), present.end(), one) != present.end()) continue;
    warnings.push_back("data image '" + image.name + "' has no " + std::string(noun) + " '" + one + "'");
  }
}

Result<UpdatedImage> UpdateImage(DaemonState& state, const http::Request& request) {
  TRY_ASSIGN(auto wanted, api::FromJson<api::UpdateDataImageRequest>(request.body));
  const std::string& ref = request.parameters.at("ref");
  TRY_ASSIGN(const ImageRow image, ResolveForUpdate(state, request.peer.identity, ref));
  if (!wanted.name.empty()) TRY(api::ValidateName(wanted.name, "data image"));
  for (const std::string& tag : wanted.tags) TRY(api::ValidateTag(tag));
  for (const std::string& team : wanted.teams) TRY(CheckTeam(team));
  TRY_ASSIGN(const auto expiry,
             ExpiryOf(wanted.lifetime_seconds, image, image.state == ImageState::kPending));
  UpdatedImage updated;
  updated.warnings = state.teams.WarningsAbout(wanted.teams);
  WarnOfMissing("tag", wanted.remove_tags, image, image.tags, updated.warnings);
  WarnOfMissing("team", wanted.remove_teams, image, image.teams, updated.warnings);
  TRY(state.catalog->UpdateImage(image.id, {.name = std::move(wanted.name),
                                            .tags = std::move(wanted.tags),
                                            .teams = std::move(wanted.teams),
                                            .expires_at = expiry,
                                            .remove_tags = std::move(wanted.remove_tags),
                                            .remove_teams = std::move(wanted.remove_teams)}));
  TRY_ASSIGN(updated.row, state.catalog->ImageById(image.id));
  return updated;
}

Result<ContainerRow> UpdateContainer(DaemonState& state, const http::Request& request) {
  TRY_ASSIGN(const auto wanted, api::FromJson<api::UpdateDataContainerRequest>(request.body));
  TRY_ASSIGN(const ContainerRow container,
             ResolveContainer(*state.catalog, request.peer.identity, request.parameters.at("ref")));
  if (!wanted.name.empty()) TRY(api::ValidateName(wanted.name, "data container"));
  TRY_ASSIGN(const auto expiry,
             ExpiryOf(wanted.lifetime_seconds, container, container.state == ContainerState::kCreating));
  TRY(state.catalog->UpdateContainer(container.id, {wanted.name, expiry}));
  if (!wanted.name.empty()) state.containers->Renamed(container.id, wanted.name);
  return state.catalog->ContainerById(container.id);
}

}  // namespace

void UpdateDataImage(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  auto updated = UpdateImage(state, request);
  auto account = updated ? SpaceAccount::Take(*state.catalog, state.layout) : Fail(updated.error());
  if (!account) return SendError(reply, account.error());
  state.reaper->Look();
  state.questions->Run(
      [reply, updated = std::move(*updated), account = std::move(*account)](const std::stop_token&) mutable {
        const ImageRow& row = updated.row;
        api::DataImage view = ViewOfImage(row, UserName(row.owner), account.OfImage(row.id));
        view.warnings = std::move(updated.warnings);
        SendResult(reply, api::ToJson(view));
      });
}

void UpdateDataContainer(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  auto row = UpdateContainer(state, request);
  auto image = row ? state.catalog->ImageById(row->image_id) : Fail(row.error());
  auto account = image ? SpaceAccount::Take(*state.catalog, state.layout) : Fail(image.error());
  if (!account) return SendError(reply, account.error());
  state.reaper->Look();
  state.questions->Run([reply, row = std::move(*row), image = std::move(*image),
                        account = std::move(*account)](const std::stop_token&) mutable {
    SendResult(reply, api::ToJson(ViewOfContainer(row, image, UserName(row.owner),
                                                  account.OfContainer(row.id, row.image_id))));
  });
}

}  // namespace spawnd::daemon
