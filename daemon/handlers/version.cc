/// GET /v1/version
#include "api/json.h"
#include "daemon/handlers/answer.h"
#include "daemon/handlers/handlers.h"

namespace spawnd::daemon {

void GetVersion(Services& services, const http::Request& /*request*/, const http::Reply& reply) {
  SendJson(reply, api::ToJson(services.version));
}

}  // namespace spawnd::daemon
