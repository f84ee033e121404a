/// What a user may still have and do, by his quotas (daemon/access/quotas.h). Loop thread.
#pragma once

#include <functional>
#include <vector>

#include "api/types.h"
#include "base/process.h"
#include "base/result.h"
#include "daemon/handlers/services.h"
#include "daemon/http/message.h"
#include "daemon/store/account.h"

namespace spawnd::daemon {

/// kTooMany when this user has as many data containers as he may.
Result<void> CheckContainerQuota(const Services& services, uid_t who);

/// What a user has on the disk, to be measured on a job thread.
class Belongings {
 public:
  static Result<Belongings> Of(Services& services, uid_t who);
  /// The folders of his containers and the files of his images, each once. What an image shares with a
  /// built-in one is nobody's.
  int64_t Measure();

 private:
  explicit Belongings(SpaceAccount account) : account_(std::move(account)) {}
  SpaceAccount account_;
  std::vector<int64_t> containers_;
  std::vector<int64_t> images_;
  std::vector<int64_t> built_in_;
};

/// Goes on, on the loop thread, unless he has used up his room on the disk: then answers with kNoSpace and
/// what he could delete. At once when he has no such limit.
void WithinDiskQuota(Services& services, const http::Caller& who, const http::Reply& reply,
                     std::function<void()> go_on);

api::Quotas ViewOfLimits(const UserLimits& limits);
/// What he uses now, but for the disk.
api::Quotas UsageOf(Services& services, uid_t who);

}  // namespace spawnd::daemon
