#include "daemon/upkeep/lost_hours.h"

#include <spdlog/spdlog.h>

#include "daemon/store/failed_logs.h"
#include "daemon/store/lost_things.h"

namespace spawnd::daemon {

Result<void> LostHours::Start(uv_loop_t* loop, std::chrono::milliseconds hour) {
  TRY_ASSIGN(timer_, WatchTime(loop, hour, hour, [this] {
               Count();
               Sweep();
             }));
  Sweep();
  return {};
}

void LostHours::Sweep() {
  jobs_.Run(kForDaemon, [&layout = layout_](const std::stop_token&) {
    const auto swept = SweepFailedLogs(layout);
    if (!swept) spdlog::error("logs of failed builds stay: {}", swept.error().message);
  });
}

void LostHours::Count() {
  jobs_.Run(kForDaemon, [&layout = layout_](const std::stop_token&) {
    const auto removed = CountHourOfLost(layout);
    if (!removed) return spdlog::error("what is lost stays: {}", removed.error().message);
    for (const std::string& folder : *removed)
      spdlog::warn("'{}' was kept for {} days and is removed", folder, kHoursInLostAndFound / 24);
  });
}

}  // namespace spawnd::daemon
