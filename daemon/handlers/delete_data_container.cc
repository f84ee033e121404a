/// DELETE /v1/data-containers/{ref}: answers once the catalog says deleting, the name is free then; the
/// server ends and its files go behind.
#include "api/json.h"
#include "daemon/access/trail.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/answers/resolve.h"
#include "daemon/handlers/handlers.h"

namespace spawnd::daemon {

void DeleteDataContainer(Services& services, const http::Request& request, const http::Reply& reply) {
  WithContainer(services, request, reply, [&services, who = request.peer, reply](const ContainerRow& row) {
    const auto because = services.catalog.events.Because(CauseOf(who));
    NoteChange(who, "delete", "data-container", row.id, row.name);
    const auto deleted = services.containers.Delete(row.id);
    if (!deleted) return SendError(reply, deleted.error());
    SendJson(reply, api::ToJson(api::Deleted{row.id, row.name}));
  });
}

}  // namespace spawnd::daemon
