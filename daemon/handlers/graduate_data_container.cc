/// POST /v1/data-containers/{ref}/graduate: checks the request, then hands it to a build job, which streams
/// its progress.
#include <utility>

#include "api/image_reference.h"
#include "api/json.h"
#include "daemon/access/trail.h"
#include "daemon/build/graduation.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/answers/labels.h"
#include "daemon/handlers/answers/resolve.h"
#include "daemon/handlers/answers/room.h"
#include "daemon/handlers/handlers.h"

namespace spawnd::daemon {
namespace {

struct Graduating {
  GraduationOrder order;
  std::vector<std::string> warnings;
};

Result<Graduating> OrderOf(Services& services, const http::Request& request, const http::Reply& reply,
                           const ContainerRow& container) {
  TRY_ASSIGN(auto wanted, api::FromJson<api::GraduateDataContainerRequest>(request.body));
  TRY(CheckImageName(wanted.name, wanted.tags));
  const Identity& caller = request.peer.identity;
  TRY_ASSIGN(ImageRow image, services.catalog.images.ById(container.image_id));
  TRY_ASSIGN(SharedWith shared, ShareWith(services.teams, caller, wanted.teams, image.Masked()));
  wanted.teams = std::move(shared.teams);
  TRY_ASSIGN(const uint32_t revision,
             api::ParseRevision(wanted.revision.empty() ? container.revision : wanted.revision));
  TRY(CheckRevision(container, revision));
  return Graduating{{std::move(wanted), container, std::move(image), revision, caller.uid, reply.ClientGone(),
                     std::move(shared.idle_teams), CauseOf(request.peer)},
                    std::move(shared.warnings)};
}

void BeginGraduation(Services& services, uid_t caller, Graduating graduating, const http::Reply& reply) {
  const StreamedAnswer answer(reply);
  const auto build = [&services, order = std::move(graduating.order), answer,
                      warnings = std::move(graduating.warnings)](const std::stop_token& stop) {
    BuildProgress progress([&answer](const api::Progress& line) { answer.Progress(line); });
    auto image = Graduate(services.build, order, progress, stop);
    services.mailbox.Post([&services, image = std::move(image), answer, warnings] {
      AnswerWithImage(services, image, answer, warnings);
    });
  };
  services.builds.Run({.owner = {caller},
                       .work = build,
                       .gone = reply.ClientGone(),
                       .dropped = [answer](const Error& why) { answer.Failed(why); },
                       .queued = TellQueued(answer, "build")});
}

}  // namespace

void GraduateDataContainer(Services& services, const http::Request& request, const http::Reply& reply) {
  WithContainer(services, request, reply, [&services, request, reply](const ContainerRow& container) {
    NoteChange(request.peer, "graduate", "data-container", container.id, container.name);
    auto graduating = OrderOf(services, request, reply, container);
    if (!graduating) return SendError(reply, graduating.error());
    const auto room = CheckRoom(services.disk);
    if (!room) return SendNoRoom(services, request.peer.identity, reply, room.error());
    graduating->warnings.insert(graduating->warnings.end(), room->begin(), room->end());
    BeginGraduation(services, request.peer.identity.uid, std::move(*graduating), reply);
  });
}

}  // namespace spawnd::daemon
