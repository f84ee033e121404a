/// POST /v1/data-containers/{ref}/save, /reset and /load: answer with the container when it is done.
#include <utility>

#include "api/image_reference.h"
#include "api/json.h"
#include "daemon/access/caller.h"
#include "daemon/containers/containers.h"
#include "daemon/daemon_state.h"
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/space.h"
#include "daemon/handlers/views.h"

namespace spawnd::daemon {
namespace {

/// User names and disk usage are looked up on a job thread.
Containers::Changed AnswerTo(DaemonState& state, const http::Reply& reply,
                             const std::vector<std::string>& warnings = {}) {
  return [&state, reply, warnings](Result<ContainerRow> row) {
    if (!row) return SendError(reply, row.error());
    auto image = state.catalog->ImageById(row->image_id);
    if (!image) return SendError(reply, image.error());
    auto account = SpaceAccount::Take(*state.catalog, state.layout);
    if (!account) return SendError(reply, account.error());
    state.questions->Run([reply, warnings, row = std::move(*row), image = std::move(*image),
                          account = std::move(*account)](const std::stop_token&) mutable {
      api::DataContainer view =
          ViewOfContainer(row, image, UserName(row.owner), account.OfContainer(row.id, row.image_id));
      view.warnings = warnings;
      SendResult(reply, api::ToJson(view));
    });
  };
}

/// For save and reset, which take nothing.
Result<ContainerRow> ContainerOf(DaemonState& state, const http::Request& request) {
  if (!request.body.empty()) TRY(api::FromJson<api::NothingRequest>(request.body));
  return ResolveContainer(*state.catalog, request.peer.identity, request.parameters.at("ref"));
}

Result<void> Revert(DaemonState& state, const ContainerRow& container, const std::string& revision,
                    const http::Reply& reply) {
  TRY_ASSIGN(const uint32_t number, api::ParseRevision(revision));
  state.containers->Revert(container.id, number, AnswerTo(state, reply));
  return {};
}

Result<void> Load(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  TRY_ASSIGN(const auto wanted, api::FromJson<api::LoadDataContainerRequest>(request.body));
  TRY_ASSIGN(const ContainerRow container,
             ResolveContainer(*state.catalog, request.peer.identity, request.parameters.at("ref")));
  return Revert(state, container, wanted.revision, reply);
}

}  // namespace

void SaveDataContainer(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  const auto container = ContainerOf(state, request);
  if (!container) return SendError(reply, container.error());
  std::vector<std::string> warnings;
  if (!state.space->CheckRoomForWork(request.peer.identity, reply, warnings)) return;
  state.containers->Save(container->id, AnswerTo(state, reply, warnings));
}

void ResetDataContainer(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  const auto container = ContainerOf(state, request);
  if (!container) return SendError(reply, container.error());
  const auto begun = Revert(state, *container, container->revision, reply);
  if (!begun) SendError(reply, begun.error());
}

void LoadDataContainer(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  const auto begun = Load(state, request, reply);
  if (!begun) SendError(reply, begun.error());
}

}  // namespace spawnd::daemon
