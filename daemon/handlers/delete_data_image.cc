/// DELETE /v1/data-images/{ref}: answers once the catalog says deleting; files go behind.
#include "daemon/builtin_images.h"
#include "daemon/daemon_state.h"
#include "daemon/handlers/handlers.h"
#include "daemon/images.h"

namespace spawnd::daemon {
namespace {

Result<void> Delete(DaemonState& state, const Identity& who, const std::string& reference) {
  TRY_ASSIGN(const ImageRow image, ResolveChangeableImage(state, who, reference, "delete"));
  return state.images->Delete(image.id);
}

}  // namespace

void DeleteDataImage(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  const auto deleted = Delete(state, request.peer.identity, request.parameters.at("ref"));
  if (!deleted) return SendError(reply, deleted.error());
  SendJson(reply, "{}");
}

}  // namespace spawnd::daemon
