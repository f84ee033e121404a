/// DELETE /v1/data-images/{ref}: answers once the catalog says deleting; files go behind. Of a built-in image
/// what was made for it goes, and is made again at its next use.
#include "api/json.h"
#include "daemon/daemon_state.h"
#include "daemon/handlers/handlers.h"
#include "daemon/images/builtin.h"
#include "daemon/images/images.h"

namespace spawnd::daemon {
namespace {

Result<api::Deleted> Delete(DaemonState& state, const Identity& who, const std::string& reference) {
  TRY_ASSIGN(const ImageRow image, ResolveForDelete(state, who, reference));
  TRY(image.Hidden() ? state.images->DeleteBuiltIn(image.id) : state.images->Delete(image.id));
  if (image.Hidden()) return api::Deleted{BuiltInId(image), BuiltInReference(image)};
  return api::Deleted{image.id, image.name};
}

}  // namespace

void DeleteDataImage(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  const auto deleted = Delete(state, request.peer.identity, request.parameters.at("ref"));
  if (!deleted) return SendError(reply, deleted.error());
  SendJson(reply, api::ToJson(*deleted));
}

}  // namespace spawnd::daemon
