/// POST /v1/data-containers/{ref}/save, /reset and /load: answer with the container when it is done.
#include <utility>

#include "api/image_reference.h"
#include "api/json.h"
#include "daemon/access/trail.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/answers/resolve.h"
#include "daemon/handlers/answers/room.h"
#include "daemon/handlers/handlers.h"

namespace spawnd::daemon {
namespace {

Containers::Done AnswerTo(Services& services, const http::Reply& reply,
                          const std::vector<std::string>& warnings = {}) {
  return [&services, reply, warnings](const Result<ContainerRow>& row) {
    AnswerWithContainer(services, row, StreamedAnswer(reply), warnings);
  };
}

/// The bodies of a save and of a reset hold nothing.
Result<void> CheckNothing(const http::Request& request) {
  return request.body.empty() ? Result<void>()
                              : api::FromJson<api::NothingRequest>(request.body).map([](auto) {});
}

void Revert(Services& services, const ContainerRow& container, const std::string& revision,
            const http::Reply& reply) {
  const auto number = api::ParseRevision(revision);
  if (!number) return SendError(reply, number.error());
  services.containers.Revert(container.id, *number, AnswerTo(services, reply));
}

}  // namespace

void SaveDataContainer(Services& services, const http::Request& request, const http::Reply& reply) {
  if (const auto nothing = CheckNothing(request); !nothing) return SendError(reply, nothing.error());
  WithContainer(
      services, request, reply, [&services, who = request.peer, reply](const ContainerRow& container) {
        NoteChange(who, "save", "data-container", container.id, container.name);
        const auto warnings = CheckRoom(services.disk);
        if (!warnings) return SendNoRoom(services, who.identity, reply, warnings.error());
        const auto because = services.catalog.events.Because(CauseOf(who));
        services.containers.Save(container.id, who.identity.uid, AnswerTo(services, reply, *warnings));
      });
}

void ResetDataContainer(Services& services, const http::Request& request, const http::Reply& reply) {
  if (const auto nothing = CheckNothing(request); !nothing) return SendError(reply, nothing.error());
  WithContainer(services, request, reply,
                [&services, who = request.peer, reply](const ContainerRow& container) {
                  NoteChange(who, "reset", "data-container", container.id, container.name);
                  const auto because = services.catalog.events.Because(CauseOf(who));
                  Revert(services, container, container.revision, reply);
                });
}

void LoadDataContainer(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto wanted = api::FromJson<api::LoadDataContainerRequest>(request.body);
  if (!wanted) return SendError(reply, wanted.error());
  WithContainer(
      services, request, reply,
      [&services, who = request.peer, revision = wanted->revision, reply](const ContainerRow& container) {
        NoteChange(who, "load", "data-container", container.id, container.name);
        EventCause cause = CauseOf(who);
        cause.word = "loading";
        const auto because = services.catalog.events.Because(std::move(cause));
        Revert(services, container, revision, reply);
      });
}

}  // namespace spawnd::daemon
