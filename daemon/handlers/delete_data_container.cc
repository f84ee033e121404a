/// DELETE /v1/data-containers/{ref}: answers once the catalog says deleting, the name is free then; the
/// server ends and its files go behind.
#include "api/json.h"
#include "daemon/access/visibility.h"
#include "daemon/handlers/answer.h"
#include "daemon/handlers/handlers.h"

namespace spawnd::daemon {
namespace {

Result<api::Deleted> Delete(Services& services, const Identity& who, const std::string& reference) {
  TRY_ASSIGN(const ContainerRow row, ResolveContainer(services.catalog, who, reference));
  TRY(services.containers.Delete(row.id));
  return api::Deleted{row.id, row.name};
}

}  // namespace

void DeleteDataContainer(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto deleted = Delete(services, request.peer.identity, request.parameters.at("ref"));
  if (!deleted) return SendError(reply, deleted.error());
  SendJson(reply, api::ToJson(*deleted));
}

}  // namespace spawnd::daemon
