/// GET /v1/version
#include "daemon/version.h"

#include "api/json.h"
#include "daemon/handlers/handlers.h"

namespace spawnd::daemon {

void GetVersion(DaemonState& /*state*/, const http::Request& /*request*/, const http::Reply& reply) {
  SendJson(reply, api::ToJson(BuildVersion()));
}

}  // namespace spawnd::daemon
