#include "daemon/upkeep/lost_hours.h"

#include <spdlog/spdlog.h>

#include "daemon/store/lost_things.h"

namespace spawnd::daemon {

Result<void> LostHours::Start(uv_loop_t* loop, std::chrono::milliseconds hour) {
  TRY_ASSIGN(timer_, WatchTime(loop, hour, hour, [this] { Count(); }));
  return {};
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
