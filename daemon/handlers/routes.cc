#include <functional>
#include <utility>

#include "daemon/handlers/handlers.h"
#include "daemon/handlers/quota.h"
#include "daemon/handlers/services.h"

namespace spawnd::daemon {
namespace {

using Verb = std::function<void(Services&, const http::Request&, const http::Reply&)>;

/// Binds a verb that reads the query itself.
http::Handler BindWithQuery(Services& services, const Verb& verb) {
  return [&services, verb](http::Request request, const http::Reply& reply) {
    services.doorkeeper.LetIn(
        std::move(request), reply,
        [&services, verb, reply](const http::Request& known) { verb(services, known, reply); });
  };
}

/// Binds a verb that reads no query. A query is refused there as a mistake of the caller.
http::Handler Bind(Services& services, const Verb& verb) {
  return [known = BindWithQuery(services, verb)](http::Request request, const http::Reply& reply) {
    if (!request.query.empty()) {
      return SendError(reply, {ErrorCode::kInvalidArgument,
                               "unknown query parameter '" + request.query.begin()->first + "'",
                               "This request takes none."});
    }
    known(std::move(request), reply);
  };
}

/// The same verb, for callers who have not used up their room on the disk.
Verb WithinQuota(const Verb& verb) {
  return [verb](Services& services, const http::Request& request, const http::Reply& reply) {
    const Identity& who = request.peer.identity;
    if (services.quotas.Of(who.uid).disk_bytes == 0) return verb(services, request, reply);
    WithinDiskQuota(services, who, reply,
                    [&services, verb, request, reply] { verb(services, request, reply); });
  };
}

}  // namespace

http::Router MakeRouter(Services& services) {
  http::Router router;
  router.Add("POST", "/v1/data-images", Bind(services, WithinQuota(CreateDataImage)));
  router.Add("GET", "/v1/data-images", BindWithQuery(services, GetDataImages));
  router.Add("GET", "/v1/data-images/{ref}", Bind(services, GetDataImage));
  router.Add("GET", "/v1/data-images/{ref}/log", BindWithQuery(services, GetDataImageLog));
  router.Add("GET", "/v1/data-containers/{ref}/log", BindWithQuery(services, GetDataContainerLog));
  router.Add("DELETE", "/v1/data-images/{ref}", Bind(services, DeleteDataImage));
  router.Add("POST", "/v1/data-containers", Bind(services, WithinQuota(CreateDataContainer)));
  router.Add("GET", "/v1/data-containers", Bind(services, GetDataContainers));
  router.Add("GET", "/v1/data-containers/{ref}", Bind(services, GetDataContainer));
  router.Add("DELETE", "/v1/data-containers/{ref}", Bind(services, DeleteDataContainer));
  router.Add("POST", "/v1/data-containers/{ref}/save", Bind(services, WithinQuota(SaveDataContainer)));
  router.Add("POST", "/v1/data-containers/{ref}/reset", Bind(services, ResetDataContainer));
  router.Add("POST", "/v1/data-containers/{ref}/load", Bind(services, LoadDataContainer));
  router.Add("POST", "/v1/data-containers/{ref}/graduate",
             Bind(services, WithinQuota(GraduateDataContainer)));
  router.Add("POST", "/v1/data-images/{ref}/update", Bind(services, UpdateDataImage));
  router.Add("POST", "/v1/data-containers/{ref}/update", Bind(services, UpdateDataContainer));
  router.Add("POST", "/v1/access-tokens", Bind(services, CreateAccessToken));
  router.Add("GET", "/v1/access-tokens", Bind(services, GetAccessTokens));
  router.Add("GET", "/v1/access-tokens/{ref}", Bind(services, GetAccessToken));
  router.Add("DELETE", "/v1/access-tokens/{ref}", Bind(services, DeleteAccessToken));
  router.Add("GET", "/v1/engines", Bind(services, GetEngines));
  router.Add("GET", "/v1/ca", Bind(services, GetCa));
  router.Add("GET", "/v1/version", Bind(services, GetVersion));
  router.Add("GET", "/v1/whoami", Bind(services, GetWhoAmI));
  return router;
}

}  // namespace spawnd::daemon
