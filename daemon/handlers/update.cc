/// POST /v1/data-images/{ref}/update and /v1/data-containers/{ref}/update.
#include <algorithm>
#include <charconv>
#include <ctime>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/image_reference.h"
#include "api/json.h"
#include "api/lifetime.h"
#include "base/accounts.h"
#include "daemon/access/trail.h"
#include "daemon/access/visibility.h"
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

/// -1: as the image says, or the daemon. Of what an image's containers do, and of a container itself.
Result<void> CheckSleepAfter(const std::optional<int64_t>& seconds) {
  return seconds && *seconds != -1 ? api::ValidateLifetime(*seconds) : Result<void>();
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
  TRY(CheckWarm(wanted.warm.value_or(0)));
  TRY(CheckSleepAfter(wanted.sleep_after_seconds));
  TRY_ASSIGN(SharedWith shared,
             ShareWith(services.teams, request.peer.identity, wanted.teams, image.Masked()));
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
                                                .remove_teams = std::move(wanted.remove_teams),
                                                .warm = wanted.warm,
                                                .sleep_after = wanted.sleep_after_seconds}));
  TRY_ASSIGN(updated.row, services.catalog.images.ById(image.id));
  services.containers.ImageUpdated(updated.row);
  return updated;
}

using GivenTo = std::optional<uid_t>;

Result<ContainerRow> UpdateContainer(Services& services, const Result<api::UpdateDataContainerRequest>& asked,
                                     const Result<GivenTo>& given_to, const ContainerRow& container) {
  TRY_ASSIGN(const auto wanted, Result(asked));
  TRY_ASSIGN(const GivenTo owner, Result(given_to));
  if (!wanted.name.empty()) TRY(api::ValidateName(wanted.name, "data container"));
  TRY_ASSIGN(const auto expiry,
             ExpiryOf(wanted.lifetime_seconds, container, container.state == ContainerState::kCreating));
  TRY(CheckSleepAfter(wanted.sleep_after_seconds));
  TRY(api::ValidateLifetime(wanted.idle_delete_seconds.value_or(0)));
  TRY(services.catalog.containers.Update(container.id, {.name = wanted.name,
                                                        .expires_at = expiry,
                                                        .owner = owner,
                                                        .sleep_after = wanted.sleep_after_seconds,
                                                        .idle_delete = wanted.idle_delete_seconds}));
  TRY_ASSIGN(const ContainerRow row, services.catalog.containers.ById(container.id));
  services.containers.Updated(row);
  return row;
}

/// A name, or a number, which need not be an account's: who has no name here may have containers all the
/// same. May block.
Result<GivenTo> OwnerNamed(const std::string& text) {
  uid_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return GivenTo(number);
  TRY_ASSIGN(const auto user, UserNamed(text));
  if (user) return GivenTo(user->uid);
  return Fail(ErrorCode::kInvalidArgument, "there is no user '" + text + "'");
}

/// Whatever is wrong with the request is said of a container that was found, so that the trail has it.
void GoOn(Services& services, const http::Request& request, const http::Reply& reply,
          const Result<api::UpdateDataContainerRequest>& wanted, const Result<GivenTo>& owner) {
  WithContainer(services, request, reply,
                [&services, request, reply, wanted, owner](const ContainerRow& container) {
                  const auto because = services.catalog.events.Because(CauseOf(request.peer));
                  NoteChange(request.peer, "update", "data-container", container.id, container.name);
                  const auto row = UpdateContainer(services, wanted, owner, container);
                  if (row) services.expiries_changed();
                  AnswerWithContainer(services, row, StreamedAnswer(reply));
                });
}

}  // namespace

void UpdateDataImage(Services& services, const http::Request& request, const http::Reply& reply) {
  WithImage(services, request, reply, ResolveForUpdate, [&services, request, reply](const ImageRow& image) {
    const auto because = services.catalog.events.Because(CauseOf(request.peer));
    NoteChange(request.peer, "update", "data-image", image.id, image.name);
    const auto updated = UpdateImage(services, request, image);
    if (!updated) return SendError(reply, updated.error());
    services.expiries_changed();
    services.pool.Poke();
    AnswerWithImage(services, updated->row, StreamedAnswer(reply), updated->warnings);
  });
}

void UpdateDataContainer(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto wanted = api::FromJson<api::UpdateDataContainerRequest>(request.body);
  if (!wanted || wanted->owner.empty()) return GoOn(services, request, reply, wanted, GivenTo());
  if (!IsRoot(request.peer.identity)) {
    return GoOn(services, request, reply, wanted,
                Fail(ErrorCode::kForbidden, "only root gives a data container to another user"));
  }
  services.questions.Run(
      {request.peer.identity.uid}, [&services, request, reply, wanted](const std::stop_token&) {
        services.mailbox.Post([&services, request, reply, wanted, owner = OwnerNamed(wanted->owner)] {
          GoOn(services, request, reply, wanted, owner);
        });
      });
}

}  // namespace spawnd::daemon
