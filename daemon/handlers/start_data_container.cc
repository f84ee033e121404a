/// POST /v1/data-containers/{ref}/start, /stop and /restart: answer with the container when it is done. What
/// was begun goes on without its caller.
#include <utility>

#include "api/json.h"
#include "daemon/access/trail.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/answers/resolve.h"
#include "daemon/handlers/handlers.h"

namespace spawnd::daemon {
namespace {

using Verb = void (Containers::*)(int64_t, const Containers::Done&);

/// What nobody but its owner may decide, and has decided by this.
std::vector<std::string> WarningsOfStart(const ContainerRow& container) {
  if (!container.stays_down) return {};
  return {"data container '" + container.name + "' was kept down: " + container.detail,
          "It goes on from the last commit of its volume: what was written after that is gone."};
}

void Do(Services& services, const http::Request& request, const http::Reply& reply, std::string_view name,
        Verb verb, bool starts) {
  const auto nothing = request.body.empty()
                           ? Result<void>()
                           : api::FromJson<api::NothingRequest>(request.body).map([](auto) {});
  if (!nothing) return SendError(reply, nothing.error());
  WithContainer(services, request, reply,
                [&services, who = request.peer, reply, name, verb, starts](const ContainerRow& container) {
                  NoteChange(who, name, "data-container", container.id, container.name);
                  EventCause cause = CauseOf(who);
                  if (starts) cause.word = name == "start" ? "starting" : "restarting";
                  const auto because = services.catalog.events.Because(std::move(cause));
                  const auto warnings = starts ? WarningsOfStart(container) : std::vector<std::string>();
                  (services.containers.*verb)(
                      container.id, [&services, reply, warnings](const Result<ContainerRow>& row) {
                        AnswerWithContainer(services, row, StreamedAnswer(reply), warnings);
                      });
                });
}

}  // namespace

void StartDataContainer(Services& services, const http::Request& request, const http::Reply& reply) {
  Do(services, request, reply, "start", &Containers::Start, true);
}

void StopDataContainer(Services& services, const http::Request& request, const http::Reply& reply) {
  Do(services, request, reply, "stop", &Containers::Stop, false);
}

void RestartDataContainer(Services& services, const http::Request& request, const http::Reply& reply) {
  Do(services, request, reply, "restart", &Containers::Restart, true);
}

}  // namespace spawnd::daemon
