#include "daemon/access/quotas.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "base/accounts.h"

namespace spawnd::daemon {

void Quotas::Change(const QuotaSettings& settings) {
  auto known = std::make_shared<Known>();
  known->everybody = settings.everybody;
  for (const auto& [name, limits] : settings.users) {
    const auto user = UserNamed(name);
    if (user && *user) {
      known->users[(*user)->uid] = limits;
    } else {
      spdlog::warn("the quotas of user '{}' are not in force: {}", name,
                   user ? "there is none on this machine" : user.error().message);
    }
  }
  const std::lock_guard lock(mutex_);
  known_ = std::move(known);
}

UserLimits Quotas::Of(uid_t uid) const {
  if (uid == 0) return {.connections = 0, .builds = 0, .launches = 0, .containers = 0, .disk_bytes = 0};
  const std::lock_guard lock(mutex_);
  const auto found = known_->users.find(uid);
  return found == known_->users.end() ? known_->everybody : found->second;
}

}  // namespace spawnd::daemon
