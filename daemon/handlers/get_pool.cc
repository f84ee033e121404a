/// GET /v1/pool: the containers that were started before somebody asked, as far as the caller sees their
/// images. They are nobody's: nothing that opens one is shown.
#include <utility>

#include "api/json.h"
#include "daemon/access/visibility.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/answers/views.h"
#include "daemon/handlers/handlers.h"
#include "daemon/store/account.h"

namespace spawnd::daemon {
namespace {

/// Built-in images are everybody's, but for a token that is for some images.
bool MaySeePoolOf(const TeamMembers& teams, const ImageRow& image, const http::Caller& who) {
  return image.Hidden() ? who.rights.images.empty() : MaySee(teams, image, who);
}

Result<std::vector<SeenContainer>> SeenPool(Services& services, const http::Caller& who) {
  TRY_ASSIGN(std::vector<ContainerRow> rows, services.catalog.containers.Pooled());
  std::vector<SeenContainer> seen;
  for (ContainerRow& row : rows) {
    TRY_ASSIGN(SeenContainer one, See(services, std::move(row)));
    if (MaySeePoolOf(services.teams, one.image, who)) seen.push_back(std::move(one));
  }
  return seen;
}

api::DataContainer ViewOfPooled(const SeenContainer& one, SpaceUse space, const ControlGroups& groups) {
  api::DataContainer view = ViewOfContainer(one.row, one.image, "", space, "");
  ShowBounds(one.bounds, groups, view);
  HideSecrets(view);
  view.user.clear();
  view.client_command.clear();
  view.client_hint.clear();
  view.start = "pooled";
  return view;
}

}  // namespace

void GetPool(Services& services, const http::Request& request, const http::Reply& reply) {
  auto seen = SeenPool(services, request.peer.identity);
  if (!seen) return SendError(reply, seen.error());
  auto account = SpaceAccount::Take(services.catalog, services.layout);
  if (!account) return SendError(reply, account.error());
  services.questions.Run(
      {request.peer.identity.uid}, [reply, seen = std::move(*seen), account = std::move(*account),
                                    &groups = services.groups](const std::stop_token&) mutable {
        std::vector<api::DataContainer> views;
        for (const SeenContainer& one : seen) {
          views.push_back(ViewOfPooled(one, account.OfContainer(one.row.id, one.row.image_id), groups));
        }
        SendJson(reply, api::ToJson(views));
      });
}

}  // namespace spawnd::daemon
