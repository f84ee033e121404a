/// DELETE /v1/data-images/{ref}: answers once the catalog says deleting; files go behind.
#include "daemon/daemon_state.h"
#include "daemon/handlers/handlers.h"
#include "daemon/images.h"

namespace spawnd::daemon {
namespace {

Result<void> Delete(DaemonState& state, const Identity& who, const std::string& reference) {
  TRY_ASSIGN(const ImageRow image, ResolveImage(*state.catalog, state.teams, who, reference));
  if (!MayChange(image, who)) {
    return Fail(ErrorCode::kForbidden, "data image '" + reference + "' belongs to somebody else",
                "Only its owner and root can delete it.");
  }
  return state.images->Delete(image.id);
}

}  // namespace

void DeleteDataImage(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  const auto deleted = Delete(state, request.peer.identity, request.parameters.at("ref"));
  if (!deleted) return SendError(reply, deleted.error());
  SendJson(reply, "{}");
}

}  // namespace spawnd::daemon
