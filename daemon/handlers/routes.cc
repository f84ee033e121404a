#include "api/error_codes.h"
#include "api/json.h"
#include "daemon/access/tokens.h"
#include "daemon/handlers/handlers.h"

namespace spawnd::daemon {
namespace {

using Verb = void (*)(DaemonState&, const http::Request&, const http::Reply&);

/// For a verb that looks at the query itself.
http::Handler BindWithQuery(DaemonState& state, Verb verb) {
  return [&state, verb](http::Request request, const http::Reply& reply) {
    Authenticate(state, std::move(request), reply,
                 [&state, verb, reply](const http::Request& known) { verb(state, known, reply); });
  };
}

/// For all others: a query that nobody reads is a caller's mistake.
http::Handler Bind(DaemonState& state, Verb verb) {
  return [known = BindWithQuery(state, verb)](http::Request request, const http::Reply& reply) {
    if (!request.query.empty()) {
      return SendError(reply, {ErrorCode::kInvalidArgument,
                               "unknown query parameter '" + request.query.begin()->first + "'",
                               "This request takes none."});
    }
    known(std::move(request), reply);
  };
}

}  // namespace

http::Router MakeRouter(DaemonState& state) {
  http::Router router;
  router.Add("POST", "/v1/data-images", Bind(state, CreateDataImage));
  router.Add("GET", "/v1/data-images", BindWithQuery(state, GetDataImages));
  router.Add("GET", "/v1/data-images/{ref}", Bind(state, GetDataImage));
  router.Add("GET", "/v1/data-images/{ref}/log", BindWithQuery(state, GetDataImageLog));
  router.Add("GET", "/v1/data-containers/{ref}/log", BindWithQuery(state, GetDataContainerLog));
  router.Add("DELETE", "/v1/data-images/{ref}", Bind(state, DeleteDataImage));
  router.Add("POST", "/v1/data-containers", Bind(state, CreateDataContainer));
  router.Add("GET", "/v1/data-containers", Bind(state, GetDataContainers));
  router.Add("GET", "/v1/data-containers/{ref}", Bind(state, GetDataContainer));
  router.Add("DELETE", "/v1/data-containers/{ref}", Bind(state, DeleteDataContainer));
  router.Add("POST", "/v1/data-containers/{ref}/save", Bind(state, SaveDataContainer));
  router.Add("POST", "/v1/data-containers/{ref}/reset", Bind(state, ResetDataContainer));
  router.Add("POST", "/v1/data-containers/{ref}/load", Bind(state, LoadDataContainer));
  router.Add("POST", "/v1/data-containers/{ref}/graduate", Bind(state, GraduateDataContainer));
  router.Add("POST", "/v1/data-images/{ref}/update", Bind(state, UpdateDataImage));
  router.Add("POST", "/v1/data-containers/{ref}/update", Bind(state, UpdateDataContainer));
  router.Add("POST", "/v1/access-tokens", Bind(state, CreateAccessToken));
  router.Add("GET", "/v1/access-tokens", Bind(state, GetAccessTokens));
  router.Add("GET", "/v1/access-tokens/{ref}", Bind(state, GetAccessToken));
  router.Add("DELETE", "/v1/access-tokens/{ref}", Bind(state, DeleteAccessToken));
  router.Add("GET", "/v1/engines", Bind(state, GetEngines));
  router.Add("GET", "/v1/version", Bind(state, GetVersion));
  router.Add("GET", "/v1/whoami", Bind(state, GetWhoAmI));
  return router;
}

void SendError(const http::Reply& reply, const Error& error) {
  if (error.code != ErrorCode::kUnauthenticated) {
    return reply.Send(api::HttpStatus(error.code), api::ToJson(error));
  }
  // A 401 says what would have been understood (RFC 9110 section 11.6.1).
  reply.Send(401, api::ToJson(error), {{"WWW-Authenticate", "Bearer realm=\"spawnd\""}});
}

void SendJson(const http::Reply& reply, std::string json) {
  reply.Send(200, std::move(json));
}

void SendResult(const http::Reply& reply, std::string_view json) {
  reply.Begin();
  reply.Line(api::ResultLine(json));
  reply.End();
}

}  // namespace spawnd::daemon
