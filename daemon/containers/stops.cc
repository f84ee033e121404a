/// Stopping containers and starting them again, and their sleep, of which the sleeper says when it is
/// (daemon/sleep/): what Containers does of that beside the machine's actions.
#include <spdlog/spdlog.h>

#include <utility>

#include "daemon/containers/confinement.h"
#include "daemon/containers/containers.h"
#include "daemon/containers/life.h"
#include "daemon/host/engine_host.h"
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
  const bool runs = state == ContainerState::kRunning || state == ContainerState::kRestarting ||
                    (state == ContainerState::kStopping && life.machine.Sleeps());
  if (runs) {
    TRY(WithReserve(uses_.reserve,
                    [&] { return uses_.catalog.containers.SetState(id, ContainerState::kStopping); }));
    life.row.state = ContainerState::kStopping;
    life.row.stopped = true;
    life.row.asleep = false;
    life.row.detail.clear();
    spdlog::info("container {} ('{}') is to stop", id, life.row.name);
  }
  life.woken.reset();
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
    TRY(MarkRestarting(life));
    spdlog::info("container {} ('{}') is to {}", id, life.row.name,
                 marked == EventKind::kStartMarked ? "start" : "start anew");
  }
  life.started.push_back(started);
  Tell(id, {marked});
  return {};
}

/// A daemon that ends here has to find one that is to run, and no half of a restart.
Result<void> Containers::MarkRestarting(Life& life) {
  TRY(WithReserve(uses_.reserve, [&] {
    return uses_.catalog.containers.SetState(life.row.id, ContainerState::kRestarting);
  }));
  life.row.state = ContainerState::kRestarting;
  life.row.stays_down = life.row.stopped = life.row.asleep = false;
  life.row.detail.clear();
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

std::vector<Idler> Containers::Idlers() const {
  std::vector<Idler> idlers;
  for (const auto& [id, life] : lives_) {
    const ContainerRow& row = life->row;
    if (stopping_ || life->machine.IsBusy()) continue;
    // Without a door nobody could wake it.
    const auto door = doors_.Of(id);
    const bool busy =
        life->saves > 0 || life->creation || life->reverted || GoesBack(*life) || door == nullptr;
    idlers.push_back({.id = id,
                      .name = row.name,
                      .engine = life->image.engine,
                      .directory = DirectoryOf(*life),
                      .port = row.port,
                      .runs = life->machine.MaySleep() && !busy,
                      .pooled = row.pooled,
                      .sleep_after = SleepAfterOf(row, life->image, uses_.engine_host),
                      .idle_delete = row.pooled ? 0 : row.idle_delete});
    Idler& idler = idlers.back();
    const bool concerned = idler.sleep_after > 0 || idler.idle_delete > 0;
    if (concerned && door != nullptr) idler.arrivals = door->TheGate().Arrivals();
  }
  return idlers;
}

bool Containers::Sleep(int64_t id) {
  const auto found = lives_.find(id);
  if (stopping_ || found == lives_.end()) return false;
  Life& life = *found->second;
  if (!life.machine.MaySleep() || life.saves > 0) return false;
  const auto marked = uses_.catalog.containers.BeginSleep(id);
  if (!marked) {
    spdlog::error("container {} does not sleep: {}", id, marked.error().message);
    return false;
  }
  life.row.state = ContainerState::kStopping;
  life.row.stopped = life.row.asleep = true;
  life.row.detail.clear();
  Tell(id, {EventKind::kSleepMarked});
  return true;
}

void Containers::Wake(int64_t id) {
  const auto found = lives_.find(id);
  if (stopping_ || found == lives_.end() || !found->second->machine.Sleeps()) return;
  Life& life = *found->second;
  const auto because = uses_.catalog.events.Because({.word = "waking", .detail = "somebody has connected"});
  const auto marked = MarkRestarting(life);
  // Whoever waits at the door is worth more than the row: one that says asleep is found running all the same.
  if (!marked) spdlog::error("container {}: {}", id, marked.error().message);
  spdlog::info("container {} ('{}') wakes: somebody has connected", id, life.row.name);
  life.woken = std::chrono::steady_clock::now();
  Tell(id, {EventKind::kWakeMarked});
}

void Containers::NoteAwake(int64_t id, const std::string& why) {
  const auto found = lives_.find(id);
  if (stopping_ || found == lives_.end() || !found->second->machine.MaySleep()) return;
  Life& life = *found->second;
  if (life.row.detail == why) return;
  spdlog::info("container {} ('{}'): {}", id, life.row.name, why);
  auto noted = uses_.catalog.containers.SetState(id, ContainerState::kRunning, why);
  if (noted) noted = uses_.catalog.events.TellOfContainer(id, "stays-awake", why);
  if (!noted) return spdlog::error("container {}: {}", id, noted.error().message);
  life.row.detail = why;
}

void Containers::ImageUpdated(const ImageRow& image) {
  for (const auto& [id, life] : lives_) {
    if (life->image.id == image.id) life->image.sleep_after = image.sleep_after;
  }
}

}  // namespace spawnd::daemon
