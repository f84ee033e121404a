/// GET /v1/data-containers and /v1/data-containers/{ref}. Rows are read on the loop; user names and disk
/// usage on a job thread.
#include <utility>

#include "api/json.h"
#include "daemon/access/caller.h"
#include "daemon/daemon_state.h"
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/views.h"

namespace spawnd::daemon {
namespace {

struct Seen {
  ContainerRow row;
  ImageRow image;
};

api::DataContainer Look(SpaceAccount& account, const Seen& seen) {
  return ViewOfContainer(seen.row, seen.image, UserName(seen.row.owner),
                         account.OfContainer(seen.row.id, seen.row.image_id));
}

Result<std::vector<Seen>> SeenContainers(Catalog& catalog, const Identity& who) {
  TRY_ASSIGN(std::vector<ContainerRow> rows, VisibleContainers(catalog, who));
  std::vector<Seen> seen;
  for (ContainerRow& row : rows) {
    TRY_ASSIGN(ImageRow image, catalog.ImageById(row.image_id));
    seen.push_back({std::move(row), std::move(image)});
  }
  return seen;
}

Result<Seen> SeenContainer(Catalog& catalog, const Identity& who, const std::string& reference) {
  TRY_ASSIGN(ContainerRow row, ResolveContainer(catalog, who, reference));
  TRY_ASSIGN(ImageRow image, catalog.ImageById(row.image_id));
  return Seen{std::move(row), std::move(image)};
}

}  // namespace

void GetDataContainers(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  auto seen = SeenContainers(*state.catalog, request.peer.identity);
  if (!seen) return SendError(reply, seen.error());
  auto account = SpaceAccount::Take(*state.catalog, state.layout);
  if (!account) return SendError(reply, account.error());
  state.questions->Run(
      [reply, seen = std::move(*seen), account = std::move(*account)](const std::stop_token&) mutable {
        std::vector<api::DataContainer> views;
        for (const Seen& one : seen) views.push_back(Look(account, one));
        SendJson(reply, api::ToJson(views));
      });
}

void GetDataContainer(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  auto seen = SeenContainer(*state.catalog, request.peer.identity, request.parameters.at("ref"));
  if (!seen) return SendError(reply, seen.error());
  auto account = SpaceAccount::Take(*state.catalog, state.layout);
  if (!account) return SendError(reply, account.error());
  state.questions->Run(
      [reply, seen = std::move(*seen), account = std::move(*account)](const std::stop_token&) mutable {
        SendJson(reply, api::ToJson(Look(account, seen)));
      });
}

}  // namespace spawnd::daemon
