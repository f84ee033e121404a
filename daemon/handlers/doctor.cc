/// GET /v1/doctor: whether this machine is fit for what the daemon does.
#include "daemon/doctor/doctor.h"

#include "api/json.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/handlers.h"

namespace spawnd::daemon {

void GetDoctor(Services& services, const http::Request& request, const http::Reply& reply) {
  services.questions.Run({request.peer.identity.uid},
                         [reply, &subject = services.doctor](const std::stop_token&) {
                           SendJson(reply, api::ToJson(Examine(subject)));
                         });
}

}  // namespace spawnd::daemon
