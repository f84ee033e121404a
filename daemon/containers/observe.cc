#include "daemon/containers/observe.h"

#include "daemon/access/trail.h"
#include "daemon/containers/life.h"
#include "daemon/metrics/metrics.h"

namespace spawnd::daemon {

void ObserveEvent(Metrics& metrics, const ContainerLife& life, const ContainerEvent& event,
                  ContainerState before) {
  using Kind = ContainerEvent::Kind;
  const std::string& engine = life.image.engine;
  const ContainerState after = life.machine.State();
  if (event.kind == Kind::kKeeperExited && before == ContainerState::kRunning) {
    metrics.engine_exits.Count({engine});
  }
  if (event.kind == Kind::kKeeperFailed) {
    metrics.engine_start_failures.Count({engine, std::string(ErrorCodeName(event.error.code))});
  }
  // Of what somebody asked for there is a record of his.
  const bool unasked = life.started.empty() && !life.woken && before != ContainerState::kReverting;
  if (event.kind == Kind::kKeeperStarted && before == ContainerState::kRestarting && unasked) {
    metrics.engine_restarts.Count({engine});
    NoteOwnChange("restart", "data-container", life.row.id, life.row.name);
  }
  if (after == ContainerState::kFailed && before != ContainerState::kFailed && unasked) {
    NoteOwnChange("restart", "data-container", life.row.id, life.row.name, event.error.code);
  }
}

}  // namespace spawnd::daemon
