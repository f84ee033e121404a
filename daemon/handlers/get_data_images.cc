/// GET /v1/data-images and /v1/data-images/{ref}. Rows are read on the loop; user names, which may ask a
/// directory service, on a job thread.
#include "api/json.h"
#include "daemon/caller.h"
#include "daemon/daemon_state.h"
#include "daemon/handlers/handlers.h"
#include "daemon/views.h"

namespace spawnd::daemon {

void GetDataImages(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  auto rows = VisibleImages(*state.catalog, state.teams, request.peer.identity);
  if (!rows) return SendError(reply, rows.error());
  state.questions->Run([reply, rows = std::move(*rows)](const std::stop_token&) {
    std::vector<api::DataImage> views;
    for (const ImageRow& row : rows) views.push_back(ViewOfImage(row, UserName(row.owner)));
    SendJson(reply, api::ToJson(views));
  });
}

void GetDataImage(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  auto row = ResolveImage(*state.catalog, state.teams, request.peer.identity, request.parameters.at("ref"));
  if (!row) return SendError(reply, row.error());
  state.questions->Run([reply, row = std::move(*row)](const std::stop_token&) {
    SendJson(reply, api::ToJson(ViewOfImage(row, UserName(row.owner))));
  });
}

}  // namespace spawnd::daemon
