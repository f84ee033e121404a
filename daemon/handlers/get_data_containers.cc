/// GET /v1/data-containers and /v1/data-containers/{ref}. Rows are read on the loop; user names and disk
/// usage on a job thread.
#include <utility>

#include "api/json.h"
#include "base/accounts.h"
#include "daemon/access/visibility.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/answers/resolve.h"
#include "daemon/handlers/answers/views.h"
#include "daemon/handlers/handlers.h"
#include "daemon/host/engine_host.h"
#include "daemon/store/account.h"

namespace spawnd::daemon {
namespace {

Result<std::vector<SeenContainer>> SeenContainers(Services& services, const http::Caller& who) {
  TRY_ASSIGN(std::vector<ContainerRow> rows, VisibleContainers(services.catalog, who));
  std::vector<SeenContainer> seen;
  for (ContainerRow& row : rows) {
    TRY_ASSIGN(SeenContainer one, See(services, std::move(row)));
    seen.push_back(std::move(one));
  }
  return seen;
}

}  // namespace

void GetDataContainers(Services& services, const http::Request& request, const http::Reply& reply) {
  auto seen = SeenContainers(services, request.peer.identity);
  if (!seen) return SendError(reply, seen.error());
  auto account = SpaceAccount::Take(services.catalog, services.layout);
  if (!account) return SendError(reply, account.error());
  services.questions.Run(
      {request.peer.identity.uid},
      [reply, seen = std::move(*seen), account = std::move(*account), &host = services.engine_host,
       &groups = services.groups,
       read_only = request.peer.identity.rights.read_only](const std::stop_token&) mutable {
        std::vector<api::DataContainer> views;
        for (const auto& [row, image, bounds] : seen) {
          views.push_back(ViewOfContainer(row, image, UserName(row.owner),
                                          account.OfContainer(row.id, row.image_id), host.authority->Path(),
                                          host.advertised));
          ShowBounds(bounds, groups, views.back());
          if (read_only) HideSecrets(views.back());
        }
        SendJson(reply, api::ToJson(views));
      });
}

void GetDataContainer(Services& services, const http::Request& request, const http::Reply& reply) {
  WithContainer(services, request, reply,
                [&services, who = request.peer.identity.uid, reply,
                 read_only = request.peer.identity.rights.read_only](const ContainerRow& row) {
                  ViewContainer(services, who, row, [reply, read_only](Result<api::DataContainer> view) {
                    if (!view) return SendError(reply, view.error());
                    if (read_only) HideSecrets(*view);
                    SendJson(reply, api::ToJson(*view));
                  });
                });
}

}  // namespace spawnd::daemon
