/// DELETE /v1/data-containers/{ref}: answers once the catalog says deleting, the name is free then; the
/// server ends and its files go behind.
#include "api/json.h"
#include "daemon/containers/containers.h"
#include "daemon/daemon_state.h"
#include "daemon/handlers/handlers.h"

namespace spawnd::daemon {
namespace {

Result<api::Deleted> Delete(DaemonState& state, const Identity& who, const std::string& reference) {
  TRY_ASSIGN(const ContainerRow row, ResolveContainer(*state.catalog, who, reference));
  TRY(state.containers->Delete(row.id));
  return api::Deleted{row.id, row.name};
}

}  // namespace

void DeleteDataContainer(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  const auto deleted = Delete(state, request.peer.identity, request.parameters.at("ref"));
  if (!deleted) return SendError(reply, deleted.error());
  SendJson(reply, api::ToJson(*deleted));
}

}  // namespace spawnd::daemon
