/// GET /v1/whoami: the user at the other end of the socket, as the kernel says.
#include "api/json.h"
#include "base/accounts.h"
#include "daemon/handlers/answer.h"
#include "daemon/handlers/handlers.h"

namespace spawnd::daemon {

void GetWhoAmI(Services& services, const http::Request& request, const http::Reply& reply) {
  services.questions.Run([reply, uid = request.peer.identity.uid](const std::stop_token&) {
    SendJson(reply, api::ToJson(api::WhoAmI{UserName(uid), uid}));
  });
}

}  // namespace spawnd::daemon
