/// POST /v1/data-containers/{ref}/save, /reset and /load: answer with the container when it is done.
#include <utility>

#include "api/image_reference.h"
#include "api/json.h"
#include "daemon/access/visibility.h"
#include "daemon/handlers/answer.h"
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/room.h"

namespace spawnd::daemon {
namespace {

Containers::Done AnswerTo(Services& services, const http::Reply& reply,
                          const std::vector<std::string>& warnings = {}) {
  return [&services, reply, warnings](const Result<ContainerRow>& row) {
    AnswerWithContainer(services, row, StreamedAnswer(reply), warnings);
  };
}

/// Finds the container of a save or a reset. Their bodies hold nothing.
Result<ContainerRow> ContainerOf(Services& services, const http::Request& request) {
  if (!request.body.empty()) TRY(api::FromJson<api::NothingRequest>(request.body));
  return ResolveContainer(services.catalog, request.peer.identity, request.parameters.at("ref"));
}

Result<void> Revert(Services& services, const ContainerRow& container, const std::string& revision,
                    const http::Reply& reply) {
  TRY_ASSIGN(const uint32_t number, api::ParseRevision(revision));
  services.containers.Revert(container.id, number, AnswerTo(services, reply));
  return {};
}

Result<void> Load(Services& services, const http::Request& request, const http::Reply& reply) {
  TRY_ASSIGN(const auto wanted, api::FromJson<api::LoadDataContainerRequest>(request.body));
  TRY_ASSIGN(const ContainerRow container,
             ResolveContainer(services.catalog, request.peer.identity, request.parameters.at("ref")));
  return Revert(services, container, wanted.revision, reply);
}

}  // namespace

void SaveDataContainer(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto container = ContainerOf(services, request);
  if (!container) return SendError(reply, container.error());
  const auto warnings = CheckRoom(services.disk);
  if (!warnings) return SendNoRoom(services, request.peer.identity, reply, warnings.error());
  services.containers.Save(container->id, AnswerTo(services, reply, *warnings));
}

void ResetDataContainer(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto container = ContainerOf(services, request);
  if (!container) return SendError(reply, container.error());
  const auto begun = Revert(services, *container, container->revision, reply);
  if (!begun) SendError(reply, begun.error());
}

void LoadDataContainer(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto begun = Load(services, request, reply);
  if (!begun) SendError(reply, begun.error());
}

}  // namespace spawnd::daemon
