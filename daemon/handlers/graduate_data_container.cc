/// POST /v1/data-containers/{ref}/graduate: checks the request, then hands it to a build job, which streams
/// its progress.
#include "api/image_reference.h"
#include "api/json.h"
#include "daemon/build/graduation.h"
#include "daemon/daemon_state.h"
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/space.h"

namespace spawnd::daemon {
namespace {

Result<GraduationOrder> OrderOf(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  TRY_ASSIGN(auto wanted, api::FromJson<api::GraduateDataContainerRequest>(request.body));
  if (!wanted.name.empty()) TRY(api::ValidateName(wanted.name, "data image"));
  for (const std::string& tag : wanted.tags) TRY(api::ValidateTag(tag));
  for (const std::string& team : wanted.teams) TRY(CheckTeam(team));
  const Identity& caller = request.peer.identity;
  TRY_ASSIGN(ContainerRow container, ResolveContainer(*state.catalog, caller, request.parameters.at("ref")));
  TRY_ASSIGN(const uint32_t revision,
             api::ParseRevision(wanted.revision.empty() ? container.revision : wanted.revision));
  TRY(CheckRevision(container, revision));
  TRY_ASSIGN(ImageRow image, state.catalog->ImageById(container.image_id));
  return GraduationOrder{std::move(wanted), std::move(container), std::move(image), revision, caller, reply};
}

}  // namespace

void GraduateDataContainer(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  auto order = OrderOf(state, request, reply);
  if (!order) return SendError(reply, order.error());
  order->warnings = state.teams.WarningsAbout(order->request.teams);
  if (!state.space->CheckRoomForWork(request.peer.identity, reply, order->warnings)) return;
  state.builds->Run(
      [&state, order = std::move(*order)](const std::stop_token& stop) { Graduate(state, order, stop); });
}

}  // namespace spawnd::daemon
