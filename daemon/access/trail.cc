#include "daemon/access/trail.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <string>

namespace spawnd::daemon {

EventCause CauseOf(const http::Peer& who) {
  return {.actor = who.identity.uid, .token_id = who.token_id};
}

void NoteChange(const http::Peer& who, std::string_view verb, std::string_view resource, int64_t id,
                std::string_view name) {
  std::string line = fmt::format("verb={} resource={}", verb, resource);
  if (id != 0) line += fmt::format(" id={}", id);
  line += fmt::format(" name=\"{}\" uid={} pid={}", name, who.identity.uid, who.pid);
  if (who.socket.uid != who.identity.uid) line += fmt::format(" socketUid={}", who.socket.uid);
  if (who.token_id != 0) line += fmt::format(" token={}", who.token_id);
  spdlog::info(line);
}

}  // namespace spawnd::daemon
