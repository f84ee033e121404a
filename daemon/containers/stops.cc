/// Stopping containers and starting them again: what Containers does beside the machine's actions.
#include <spdlog/spdlog.h>

#include <utility>

#include "daemon/containers/containers.h"
#include "daemon/containers/life.h"
#include "daemon/loop/jobs.h"
#include "daemon/store/layout.h"
#include "daemon/store/reserve.h"

namespace spawnd::daemon {
namespace {

using EventKind = ContainerEvent::Kind;

/// Longer than all that a keeper allows its engine for a clean end, and itself for what comes after.
constexpr std::chrono::seconds kStopKeeperDeadline{300};

Error GoesOnTrying(const ContainerRow& row, Error error) {
  error.message = "data container '" + row.name + "' does not start: " + error.message;
  if (error.hint.empty()) {
    error.hint =
        "It is tried again. `spawnctl get data-container` and `spawnctl logs` say how it is, "
        "`spawnctl stop data-container` ends it.";
  }
  return error;
}

}  // namespace

void Containers::Stop(int64_t id, const Done& stopped) {
  auto begun = BeginStop(id, stopped);
  if (!begun) stopped(Fail(std::move(begun.error())));
}

Result<void> Containers::BeginStop(int64_t id, const Done& stopped) {
  const auto found = lives_.find(id);
  if (stopping_ || found == lives_.end()) return Fail(ErrorCode::kUnavailable, "the container is going away");
  Life& life = *found->second;
  const ContainerState state = life.machine.State();
  if (life.machine.IsBusy()) {
    return Fail(ErrorCode::kInUse,
                "data container '" + life.row.name + "' is " + std::string(ContainerStateName(state)),
                "Try again when that is done.");
  }
  // One that runs must be found as one that is to end; one that has failed has nothing that could run on.
  const bool runs = state == ContainerState::kRunning || state == ContainerState::kRestarting;
  if (runs) {
    TRY(WithReserve(uses_.reserve,
                    [&] { return uses_.catalog.containers.SetState(id, ContainerState::kStopping); }));
    life.row.state = ContainerState::kStopping;
    life.row.stopped = true;
    life.row.detail.clear();
    spdlog::info("container {} ('{}') is to stop", id, life.row.name);
  }
  life.stopped.push_back(stopped);
  Tell(id, {EventKind::kStopMarked});
  return {};
}

void Containers::Start(int64_t id, const Done& started) {
  auto begun = BeginStart(id, EventKind::kStartMarked, started);
  if (!begun) started(Fail(std::move(begun.error())));
}

void Containers::Restart(int64_t id, const Done& restarted) {
  auto begun = BeginStart(id, EventKind::kRestartMarked, restarted);
  if (!begun) restarted(Fail(std::move(begun.error())));
}

Result<void> Containers::BeginStart(int64_t id, EventKind marked, const Done& started) {
  const auto found = lives_.find(id);
  if (stopping_ || found == lives_.end()) return Fail(ErrorCode::kUnavailable, "the container is going away");
  Life& life = *found->second;
  const ContainerState state = life.machine.State();
  const bool stays = state == ContainerState::kRunning && marked == EventKind::kStartMarked;
  if (!life.machine.IsBusy() && !stays) {
    // A daemon that ends here has to find one that is to run, and no half of a restart.
    TRY(WithReserve(uses_.reserve,
                    [&] { return uses_.catalog.containers.SetState(id, ContainerState::kRestarting); }));
    life.row.state = ContainerState::kRestarting;
    life.row.stays_down = life.row.stopped = false;
    life.row.detail.clear();
    spdlog::info("container {} ('{}') is to {}", id, life.row.name,
                 marked == EventKind::kStartMarked ? "start" : "start anew");
  }
  life.started.push_back(started);
  Tell(id, {marked});
  return {};
}

void Containers::StopKeeper(Life& life) {
  life.link.reset();
  life.confinement.reset();
  life.hurry_stop = std::stop_source();
  DropSpare(life);
  uses_.removals.Run(
      {life.row.owner}, [tell = Teller(life.row.id), directory = DirectoryOf(life),
                         hurry = life.hurry_stop.get_token()](const std::stop_token& daemon_stops) {
        const auto stopped = KeeperClient::Stop(directory, kStopKeeperDeadline, [&] {
          if (daemon_stops.stop_requested()) return KeeperClient::Patience::kLeave;
          return hurry.stop_requested() ? KeeperClient::Patience::kKill : KeeperClient::Patience::kWait;
        });
        if (!stopped) return tell({EventKind::kRemovalFailed, stopped.error()});
        tell({EventKind::kKeeperKilled, stopped->value_or(Error(ErrorCode::kInternal, ""))});
      });
}

void Containers::ReplyToWaiters(Life& life, std::vector<Done> Life::*waiters,
                                const std::optional<Error>& error) {
  const std::vector<Done> waited = std::exchange(life.*waiters, {});
  for (const Done& done : waited) {
    if (!error) {
      done(uses_.catalog.containers.ById(life.row.id));
    } else if (waiters == &Life::started && error->code != ErrorCode::kCancelled &&
               life.machine.State() == ContainerState::kRestarting) {
      done(Fail(GoesOnTrying(life.row, *error)));
    } else {
      done(Fail(*error));
    }
  }
}

}  // namespace spawnd::daemon
