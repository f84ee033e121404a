/// GET /v1/whoami: the user at the other end of the socket, as the kernel says, what he may have, and what of
/// that he uses.
#include "api/json.h"
#include "base/accounts.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/answers/quota.h"
#include "daemon/handlers/handlers.h"

namespace spawnd::daemon {

void GetWhoAmI(Services& services, const http::Request& request, const http::Reply& reply) {
  const uid_t uid = request.peer.identity.uid;
  auto his = Belongings::Of(services, uid);
  if (!his) return SendError(reply, his.error());
  api::WhoAmI who{.user = {},
                  .uid = uid,
                  .quotas = ViewOfLimits(services.quotas.Of(uid)),
                  .usage = UsageOf(services, uid)};
  services.questions.Run({uid}, [reply, who, his = std::move(*his)](const std::stop_token&) mutable {
    who.user = UserName(*who.uid);
    who.usage.disk_bytes = his.Measure();
    SendJson(reply, api::ToJson(who));
  });
}

}  // namespace spawnd::daemon
