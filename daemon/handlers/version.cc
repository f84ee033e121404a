/// GET /v1/version, GET /v1/ca
#include "api/json.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/handlers.h"
#include "daemon/host/engine_host.h"

namespace spawnd::daemon {

void GetVersion(Services& services, const http::Request& /*request*/, const http::Reply& reply) {
  SendJson(reply, api::ToJson(services.version));
}

void GetCa(Services& services, const http::Request& /*request*/, const http::Reply& reply) {
  const CertificateAuthority& authority = *services.engine_host.authority;
  SendJson(reply, api::ToJson(api::CaCertificate{authority.Path(), authority.Pem()}));
}

}  // namespace spawnd::daemon
