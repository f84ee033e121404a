#include "daemon/http/message.h"

#include "api/error_codes.h"
#include "api/json.h"

namespace spawnd::daemon::http {

void SendError(const Reply& reply, const Error& error) {
  if (error.code != ErrorCode::kUnauthenticated) {
    return reply.Send(api::HttpStatus(error.code), api::ToJson(error));
  }
  // A 401 says what would have been understood (RFC 9110 section 11.6.1).
  reply.Send(401, api::ToJson(error), {{"WWW-Authenticate", "Bearer realm=\"spawnd\""}});
}

}  // namespace spawnd::daemon::http
