#include <functional>
#include <utility>

#include "daemon/handlers/answers/quota.h"
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/request_watch.h"
#include "daemon/handlers/services.h"

namespace spawnd::daemon {
namespace {

using Verb = std::function<void(Services&, const http::Request&, const http::Reply&)>;

/// Binds a verb that reads the query itself.
http::Handler BindWithQuery(Services& services, const Verb& verb, Needs needs) {
  return [&services, verb, needs](http::Request request, const http::Reply& reply) {
    services.doorkeeper.LetIn(
        std::move(request), needs, reply,
        [&services, verb, reply](const http::Request& known) { verb(services, known, reply); });
  };
}

/// Binds a verb that reads no query. A query is refused there as a mistake of the caller.
http::Handler Bind(Services& services, const Verb& verb, Needs needs) {
  return [known = BindWithQuery(services, verb, needs)](http::Request request, const http::Reply& reply) {
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
    const http::Caller& who = request.peer.identity;
    if (services.quotas.Of(who.uid).disk_bytes == 0) return verb(services, request, reply);
    WithinDiskQuota(services, who, reply,
                    [&services, verb, request, reply] { verb(services, request, reply); });
  };
}

/// How data come and go.
void AddTransfers(Services& services, http::Router& router) {
  router.Add("GET", "/v1/data-images/{ref}/export",
             BindWithQuery(services, ExportDataImage, Needs::kContainers));
  router.Add("POST", "/v1/data-images/import", Bind(services, WithinQuota(ImportDataImage), Needs::kAll));
  router.Add("POST", "/v1/imports", BindWithQuery(services, WithinQuota(BeginImport), Needs::kAll));
  router.Add("POST", "/v1/imports/{id}", BindWithQuery(services, WithinQuota(ReceiveImport), Needs::kAll));
  router.Add("POST", "/v1/fetch-plans", Bind(services, CreateFetchPlan, Needs::kAll));
  router.Add("POST", "/v1/uploads", BindWithQuery(services, WithinQuota(CreateUpload), Needs::kAll));
}

/// What images are made of again and again.
void AddSources(Services& services, http::Router& router) {
  router.Add("POST", "/v1/data-sources", Bind(services, WithinQuota(CreateDataSource), Needs::kAll));
  router.Add("GET", "/v1/data-sources", Bind(services, GetDataSources, Needs::kLook));
  router.Add("GET", "/v1/data-sources/{ref}", Bind(services, GetDataSource, Needs::kLook));
  router.Add("GET", "/v1/data-sources/{ref}/log", BindWithQuery(services, GetDataSourceLog, Needs::kLook));
  router.Add("POST", "/v1/data-sources/{ref}/update", Bind(services, UpdateDataSource, Needs::kAll));
  router.Add("POST", "/v1/data-sources/{ref}/run", Bind(services, WithinQuota(RunDataSource), Needs::kAll));
  router.Add("DELETE", "/v1/data-sources/{ref}", Bind(services, DeleteDataSource, Needs::kAll));
}

}  // namespace

http::Router MakeRouter(Services& services) {
  http::Router router;
  router.SetWatch(WatchRequests(services.metrics));
  router.Add("POST", "/v1/data-images", Bind(services, WithinQuota(CreateDataImage), Needs::kAll));
  router.Add("GET", "/v1/data-images", BindWithQuery(services, GetDataImages, Needs::kLook));
  router.Add("GET", "/v1/data-images/{ref}", Bind(services, GetDataImage, Needs::kLook));
  router.Add("GET", "/v1/data-images/{ref}/log", BindWithQuery(services, GetDataImageLog, Needs::kLook));
  router.Add("GET", "/v1/data-containers/{ref}/log",
             BindWithQuery(services, GetDataContainerLog, Needs::kLook));
  router.Add("DELETE", "/v1/data-images/{ref}", Bind(services, DeleteDataImage, Needs::kAll));
  router.Add("POST", "/v1/data-containers",
             Bind(services, WithinQuota(CreateDataContainer), Needs::kContainers));
  router.Add("GET", "/v1/data-containers", Bind(services, GetDataContainers, Needs::kLook));
  router.Add("GET", "/v1/data-containers/{ref}", Bind(services, GetDataContainer, Needs::kLook));
  router.Add("DELETE", "/v1/data-containers/{ref}", Bind(services, DeleteDataContainer, Needs::kContainers));
  router.Add("GET", "/v1/pool", Bind(services, GetPool, Needs::kLook));
  router.Add("POST", "/v1/data-containers/{ref}/save",
             Bind(services, WithinQuota(SaveDataContainer), Needs::kContainers));
  router.Add("POST", "/v1/data-containers/{ref}/reset",
             Bind(services, ResetDataContainer, Needs::kContainers));
  router.Add("POST", "/v1/data-containers/{ref}/load", Bind(services, LoadDataContainer, Needs::kContainers));
  router.Add("POST", "/v1/data-containers/{ref}/start",
             Bind(services, StartDataContainer, Needs::kContainers));
  router.Add("POST", "/v1/data-containers/{ref}/stop", Bind(services, StopDataContainer, Needs::kContainers));
  router.Add("POST", "/v1/data-containers/{ref}/restart",
             Bind(services, RestartDataContainer, Needs::kContainers));
  router.Add("POST", "/v1/data-containers/{ref}/graduate",
             Bind(services, WithinQuota(GraduateDataContainer), Needs::kAll));
  router.Add("POST", "/v1/data-images/{ref}/update", Bind(services, UpdateDataImage, Needs::kAll));
  router.Add("POST", "/v1/data-containers/{ref}/update",
             Bind(services, UpdateDataContainer, Needs::kContainers));
  router.Add("POST", "/v1/access-tokens", Bind(services, CreateAccessToken, Needs::kAll));
  router.Add("GET", "/v1/access-tokens", Bind(services, GetAccessTokens, Needs::kLookAround));
  router.Add("GET", "/v1/access-tokens/{ref}", Bind(services, GetAccessToken, Needs::kLookAround));
  router.Add("DELETE", "/v1/access-tokens/{ref}", Bind(services, DeleteAccessToken, Needs::kAll));
  AddSources(services, router);
  AddTransfers(services, router);
  router.Add("GET", "/v1/doctor", Bind(services, GetDoctor, Needs::kLook));
  router.Add("GET", "/v1/events", BindWithQuery(services, GetEvents, Needs::kLook));
  router.Add("GET", "/v1/engines", Bind(services, GetEngines, Needs::kLook));
  router.Add("GET", "/v1/ca", Bind(services, GetCa, Needs::kLook));
  router.Add("GET", "/v1/metrics", BindWithQuery(services, GetMetrics, Needs::kLookAround));
  router.Add("GET", "/v1/version", Bind(services, GetVersion, Needs::kLook));
  router.Add("GET", "/v1/whoami", Bind(services, GetWhoAmI, Needs::kLook));
  return router;
}

}  // namespace spawnd::daemon
