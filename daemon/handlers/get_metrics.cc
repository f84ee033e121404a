/// GET /v1/metrics: all that is counted and can be looked at, as OpenMetrics or in Prometheus' text format.
#include <utility>

#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/machine_numbers.h"

namespace spawnd::daemon {
namespace {

/// The only parameter that there is.
Result<bool> WantsContainers(const http::Request& request) {
  bool wanted = false;
  for (const auto& [name, value] : request.query) {
    if (name != "containers" || (value != "true" && value != "false")) {
      return Fail(ErrorCode::kInvalidArgument,
                  "'" + name + "=" + value + "' is nothing that metrics understand",
                  "They take containers=true.");
    }
    wanted = value == "true";
  }
  return wanted;
}

}  // namespace

void GetMetrics(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto containers = WantsContainers(request);
  if (!containers) return SendError(reply, containers.error());
  auto numbers = MachineNumbers::Look(services, request.peer.identity, *containers);
  if (!numbers) return SendError(reply, numbers.error());
  const auto accept = request.headers.find("accept");
  const Exposition exposition = ExpositionFor(accept == request.headers.end() ? "" : accept->second);
  services.questions.Run({request.peer.identity.uid},
                         [&metrics = services.metrics, numbers = std::move(*numbers), exposition,
                          reply](const std::stop_token&) mutable {
                           std::vector<Family> families = metrics.Read();
                           for (Family& family : numbers.Measure()) families.push_back(std::move(family));
                           reply.SendText(Expose(families, exposition), ContentTypeOf(exposition));
                         });
}

}  // namespace spawnd::daemon
