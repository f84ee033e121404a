/// POST /v1/data-images/{ref}/update and /v1/data-containers/{ref}/update.
#include <algorithm>
#include <ctime>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/image_reference.h"
#include "api/json.h"
#include "api/lifetime.h"
#include "daemon/access/trail.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/answers/labels.h"
#include "daemon/handlers/answers/resolve.h"
#include "daemon/handlers/handlers.h"

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

std::vector<std::string> TeamsOf(const ImageRow& image) {
  std::vector<std::string> teams = image.teams;
  teams.insert(teams.end(), image.idle_teams.begin(), image.idle_teams.end());
  return teams;
}

/// The tags that it will have.
std::vector<std::string> TagsAfter(const ImageRow& image, const api::UpdateDataImageRequest& wanted) {
  std::vector<std::string> tags = image.tags;
  std::erase_if(tags, [&wanted](const std::string& tag) {
    return std::find(wanted.remove_tags.begin(), wanted.remove_tags.end(), tag) != wanted.remove_tags.end();
  });
  tags.insert(tags.end(), wanted.tags.begin(), wanted.tags.end());
  return tags;
}

/// A label that is not there is as good as one that was taken away: a script that runs again must not fail.
void WarnOfMissing(std::string_view noun, const std::vector<std::string>& to_remove, const ImageRow& image,
                   const std::vector<std::string>& present, std::vector<std::string>& warnings) {
  for (const std::string& one : to_remove) {
    if (std::find(present.begin(), present.end(), one) != present.end()) continue;
    warnings.push_back("data image '" + image.name + "' has no " + std::string(noun) + " '" + one + "'");
  }
}

Result<UpdatedImage> UpdateImage(Services& services, const http::Request& request, const ImageRow& image) {
  TRY_ASSIGN(auto wanted, api::FromJson<api::UpdateDataImageRequest>(request.body));
  TRY(CheckImageName(wanted.name.empty() ? image.name : wanted.name, TagsAfter(image, wanted)));
  TRY_ASSIGN(SharedWith shared, ShareWith(services.teams, request.peer.identity, wanted.teams));
  TRY_ASSIGN(const auto expiry,
             ExpiryOf(wanted.lifetime_seconds, image, image.state == ImageState::kPending));
  UpdatedImage updated;
  updated.warnings = std::move(shared.warnings);
  WarnOfMissing("tag", wanted.remove_tags, image, image.tags, updated.warnings);
  WarnOfMissing("team", wanted.remove_teams, image, TeamsOf(image), updated.warnings);
  TRY(services.catalog.images.Update(image.id, {.name = std::move(wanted.name),
                                                .tags = std::move(wanted.tags),
                                                .teams = std::move(shared.teams),
                                                .expires_at = expiry,
                                                .idle_teams = std::move(shared.idle_teams),
                                                .remove_tags = std::move(wanted.remove_tags),
                                                .remove_teams = std::move(wanted.remove_teams)}));
  TRY_ASSIGN(updated.row, services.catalog.images.ById(image.id));
  return updated;
}

Result<ContainerRow> UpdateContainer(Services& services, const http::Request& request,
                                     const ContainerRow& container) {
  TRY_ASSIGN(const auto wanted, api::FromJson<api::UpdateDataContainerRequest>(request.body));
  if (!wanted.name.empty()) TRY(api::ValidateName(wanted.name, "data container"));
  TRY_ASSIGN(const auto expiry,
             ExpiryOf(wanted.lifetime_seconds, container, container.state == ContainerState::kCreating));
  TRY(services.catalog.containers.Update(container.id, {wanted.name, expiry}));
  if (!wanted.name.empty()) services.containers.Renamed(container.id, wanted.name);
  return services.catalog.containers.ById(container.id);
}

}  // namespace

void UpdateDataImage(Services& services, const http::Request& request, const http::Reply& reply) {
  WithImage(services, request, reply, ResolveForUpdate, [&services, request, reply](const ImageRow& image) {
    const auto because = services.catalog.events.Because(CauseOf(request.peer));
    NoteChange(request.peer, "update", "data-image", image.id, image.name);
    const auto updated = UpdateImage(services, request, image);
    if (!updated) return SendError(reply, updated.error());
    services.expiries_changed();
    AnswerWithImage(services, updated->row, StreamedAnswer(reply), updated->warnings);
  });
}

void UpdateDataContainer(Services& services, const http::Request& request, const http::Reply& reply) {
  WithContainer(services, request, reply, [&services, request, reply](const ContainerRow& container) {
    const auto because = services.catalog.events.Because(CauseOf(request.peer));
    NoteChange(request.peer, "update", "data-container", container.id, container.name);
    const auto row = UpdateContainer(services, request, container);
    if (row) services.expiries_changed();
    AnswerWithContainer(services, row, StreamedAnswer(reply));
  });
}

}  // namespace spawnd::daemon
