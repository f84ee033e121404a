#include "daemon/handlers/answers/quota.h"

#include <fmt/format.h>

#include <utility>

#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/answers/room.h"

namespace spawnd::daemon {

Result<void> CheckContainerQuota(const Services& services, uid_t who) {
  const size_t limit = services.quotas.Of(who).containers;
  const size_t own = services.containers.CountOf(who);
  if (limit == 0 || own < limit) return {};
  services.metrics.quota_refusals.Count({"containers"});
  return Fail(ErrorCode::kTooMany, fmt::format("you have {} of {} data containers", own, limit),
              "Delete some: `spawnctl get data-containers` lists them. The limit is quotas.containers in "
              "spawnd.yaml.");
}

Result<Belongings> Belongings::Of(Services& services, uid_t who) {
  TRY_ASSIGN(auto account, SpaceAccount::Take(services.catalog, services.layout));
  Belongings his(std::move(account));
  TRY_ASSIGN(const auto images, services.catalog.images.List(Rows::kAll));
  for (const ImageRow& image : images) {
    if (image.Hidden()) {
      his.built_in_.push_back(image.id);
    } else if (image.owner == who) {
      his.images_.push_back(image.id);
    }
  }
  TRY_ASSIGN(const auto containers, services.catalog.containers.List(Rows::kAll));
  for (const ContainerRow& container : containers) {
    if (container.owner == who && !container.pooled) his.containers_.push_back(container.id);
  }
  return his;
}

int64_t Belongings::Measure() {
  int64_t bytes = account_.OfImages(images_, built_in_);
  for (const int64_t container : containers_) bytes += account_.OfFolder(container);
  return bytes;
}

void WithinDiskQuota(Services& services, const http::Caller& who, const http::Reply& reply,
                     std::function<void()> go_on) {
  const uint64_t limit = services.quotas.Of(who.uid).disk_bytes;
  auto his = Belongings::Of(services, who.uid);
  if (!his) return SendError(reply, his.error());
  services.questions.Run({who.uid}, [&services, who, reply, limit, his = std::move(*his),
                                     go_on = std::move(go_on)](const std::stop_token&) mutable {
    const int64_t bytes = his.Measure();
    services.mailbox.Post([&services, who, reply, limit, bytes, go_on = std::move(go_on)] {
      if (limit == 0 || static_cast<uint64_t>(bytes) < limit) return go_on();
      services.metrics.quota_refusals.Count({"disk"});
      SendNoRoom(services, who, reply,
                 Error(ErrorCode::kNoSpace,
                       fmt::format("your data containers and data images take {} of the {} that you may have",
                                   SpaceText(bytes), SpaceText(static_cast<int64_t>(limit))),
                       "Delete some: `spawnctl get data-containers -o json` shows how much each takes. The "
                       "limit is quotas.disk in spawnd.yaml."));
    });
  });
}

api::Quotas ViewOfLimits(const UserLimits& limits) {
  return {static_cast<int64_t>(limits.connections), static_cast<int64_t>(limits.builds),
          static_cast<int64_t>(limits.launches), static_cast<int64_t>(limits.containers),
          static_cast<int64_t>(limits.disk_bytes)};
}

api::Quotas UsageOf(Services& services, uid_t who) {
  return {static_cast<int64_t>(services.connections_of(who)),
          static_cast<int64_t>(services.builds.RunningOf(who)),
          static_cast<int64_t>(services.launches.RunningOf(who)),
          static_cast<int64_t>(services.containers.CountOf(who)), 0};
}

}  // namespace spawnd::daemon
