#include "daemon/http/message.h"

#include "api/error_codes.h"
#include "api/json.h"

namespace spawnd::daemon::http {

void Notes::For(uid_t uid, int64_t token_id) {
  const std::lock_guard lock(mutex_);
  said_.uid = uid;
  said_.token_id = token_id;
}

void Notes::About(std::string_view verb, std::string_view resource, int64_t id, std::string_view name) {
  const std::lock_guard lock(mutex_);
  said_.verb = verb;
  said_.resource = resource;
  said_.id = id;
  said_.name = name;
  said_.noted = true;
}

Notes::Said Notes::Get() const {
  const std::lock_guard lock(mutex_);
  return said_;
}

void SendError(const Reply& reply, const Error& error) {
  reply.Failed(error);
  if (error.code != ErrorCode::kUnauthenticated) {
    return reply.Send(api::HttpStatus(error.code), api::ToJson(error));
  }
  // A 401 says what would have been understood (RFC 9110 section 11.6.1).
  reply.Send(401, api::ToJson(error), {{"WWW-Authenticate", "Bearer realm=\"spawnd\""}});
}

}  // namespace spawnd::daemon::http
