/// POST /v1/data-containers/{ref}/graduate: checks the request, then hands it to a build job, which streams
/// its progress.
#include <utility>

#include "api/image_reference.h"
#include "api/json.h"
#include "daemon/access/visibility.h"
#include "daemon/build/graduation.h"
#include "daemon/handlers/answer.h"
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/room.h"

namespace spawnd::daemon {
namespace {

Result<GraduationOrder> OrderOf(Services& services, const http::Request& request, const http::Reply& reply) {
  TRY_ASSIGN(auto wanted, api::FromJson<api::GraduateDataContainerRequest>(request.body));
  if (!wanted.name.empty()) TRY(api::ValidateName(wanted.name, "data image"));
  for (const std::string& tag : wanted.tags) TRY(api::ValidateTag(tag));
  for (const std::string& team : wanted.teams) TRY(CheckTeam(team));
  const Identity& caller = request.peer.identity;
  TRY_ASSIGN(ContainerRow container,
             ResolveContainer(services.catalog, caller, request.parameters.at("ref")));
  TRY_ASSIGN(const uint32_t revision,
             api::ParseRevision(wanted.revision.empty() ? container.revision : wanted.revision));
  TRY(CheckRevision(container, revision));
  TRY_ASSIGN(ImageRow image, services.catalog.images.ById(container.image_id));
  return GraduationOrder{std::move(wanted), std::move(container), std::move(image),
                         revision,          caller.uid,           reply.ClientGone()};
}

}  // namespace

void GraduateDataContainer(Services& services, const http::Request& request, const http::Reply& reply) {
  auto order = OrderOf(services, request, reply);
  if (!order) return SendError(reply, order.error());
  const auto room = CheckRoom(services.disk);
  if (!room) return SendNoRoom(services, request.peer.identity, reply, room.error());
  std::vector<std::string> warnings = services.teams.WarningsAbout(order->request.teams);
  warnings.insert(warnings.end(), room->begin(), room->end());
  const StreamedAnswer answer(reply);
  const auto build = [&services, order = std::move(*order), answer,
                      warnings = std::move(warnings)](const std::stop_token& stop) {
    BuildProgress progress([&answer](const api::Progress& line) { answer.Progress(line); });
    auto image = Graduate(services.build, order, progress, stop);
    services.mailbox.Post([&services, image = std::move(image), answer, warnings] {
      AnswerWithImage(services, image, answer, warnings);
    });
  };
  services.builds.RunUnless(reply.ClientGone(), build, [answer](const Error& why) { answer.Failed(why); });
}

}  // namespace spawnd::daemon
