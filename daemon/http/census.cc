#include "daemon/http/census.h"

#include <fmt/format.h>

namespace spawnd::daemon::http {
namespace {

constexpr uid_t kRoot = 0;
/// Of one user at a time.
constexpr size_t kRefusedOfUser = 16;

}  // namespace

std::optional<Census::Refusal> Census::Admit(uid_t uid) {
  const size_t own = Of(uid);
  const size_t limit = uid == kRoot || !limits_.connections_of_user ? 0 : limits_.connections_of_user(uid);
  if (limit > 0 && own >= limit) {
    return Refusal{429, Error(ErrorCode::kTooMany,
                              fmt::format("you have {} of {} connections to the daemon", own, limit),
                              "End some: every command that runs has one, and so has a log that is followed. "
                              "The limit is quotas.connections in spawnd.yaml.")};
  }
  const size_t of_this_kind = uid == kRoot ? own : admitted_ - Of(kRoot);
  if (admitted_ >= limits_.connections ||
      of_this_kind >= limits_.connections - limits_.reserved_connections) {
    return Refusal{503,
                   Error(ErrorCode::kTooMany,
                         fmt::format("the daemon has {} connections, {} of them yours, and takes no more",
                                     admitted_, own),
                         "Try again when others have ended.")};
  }
  ++admitted_;
  ++users_[uid].admitted;
  return std::nullopt;
}

bool Census::AdmitRefused(uid_t uid) {
  Count& count = users_[uid];
  if (count.refused >= kRefusedOfUser) return false;
  ++count.refused;
  return true;
}

void Census::Left(uid_t uid, bool was_refused) {
  Count& count = users_[uid];
  --(was_refused ? count.refused : count.admitted);
  if (!was_refused) --admitted_;
  if (count.admitted == 0 && count.refused == 0) users_.erase(uid);
}

size_t Census::Of(uid_t uid) const {
  const auto found = users_.find(uid);
  return found == users_.end() ? 0 : found->second.admitted;
}

}  // namespace spawnd::daemon::http
