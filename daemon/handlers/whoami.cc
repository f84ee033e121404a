/// GET /v1/whoami: the user at the other end of the socket, as the kernel says.
#include "api/json.h"
#include "daemon/access/caller.h"
#include "daemon/daemon_state.h"
#include "daemon/handlers/handlers.h"

namespace spawnd::daemon {

void GetWhoAmI(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  state.questions->Run([reply, uid = request.peer.identity.uid](const std::stop_token&) {
    SendJson(reply, api::ToJson(api::WhoAmI{UserName(uid), uid}));
  });
}

}  // namespace spawnd::daemon
