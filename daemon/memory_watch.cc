#include "daemon/memory_watch.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "daemon/containers/containers.h"
#include "daemon/host/control_groups.h"
#include "daemon/loop/jobs.h"
#include "daemon/loop/mailbox.h"

namespace spawnd::daemon {
namespace {

constexpr std::chrono::seconds kBetweenLooks{5};

struct Seen {
  int64_t id = 0;
  ControlGroups::Look look;
};

}  // namespace

Result<void> MemoryWatch::Start(uv_loop_t* loop) {
  TRY_ASSIGN(timer_, WatchTime(loop, kBetweenLooks, kBetweenLooks, [this] { Look(); }));
  return {};
}

void MemoryWatch::Look() {
  auto limited = uses_.containers.Limited();
  if (limited.empty() || std::exchange(looking_, true)) return;
  uses_.jobs.Run(kForDaemon, [this, limited = std::move(limited)](const std::stop_token&) {
    std::vector<Seen> seen;
    for (const auto& [id, group] : limited) {
      Seen one{id, uses_.groups.LookAt(group)};
      if (one.look.usage.oom_kills > 0) seen.push_back(std::move(one));
    }
    uses_.mailbox.Post([this, seen = std::move(seen)] {
      looking_ = false;
      for (const auto& [id, look] : seen)
        uses_.containers.NoteKills(id, look.usage.oom_kills, look.memory_ran_out);
    });
  });
}

}  // namespace spawnd::daemon
