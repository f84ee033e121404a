#include "daemon/containers/containers.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <optional>
#include <utility>

#include "base/file.h"
#include "daemon/access/trail.h"
#include "daemon/containers/confinement.h"
#include "daemon/containers/connection.h"
#include "daemon/containers/life.h"
#include "daemon/containers/observe.h"
#include "daemon/containers/other_volumes.h"
#include "daemon/host/control_groups.h"
#include "daemon/host/engine_host.h"
#include "daemon/host/installations.h"
#include "daemon/host/ports.h"
#include "daemon/keeper/container_lock.h"
#include "daemon/loop/event_loop.h"
#include "daemon/loop/jobs.h"
#include "daemon/store/disk.h"
#include "daemon/store/layout.h"
#include "daemon/store/reserve.h"
#include "daemon/store/volumes.h"
#include "engines/registry.h"

namespace spawnd::daemon {
namespace {

using EventKind = ContainerEvent::Kind;
using ActionKind = ContainerAction::Kind;
using std::chrono::steady_clock;

double MillisecondsSince(steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

}  // namespace

Containers::Containers(Uses uses, KeptDoors kept)
    : uses_(std::move(uses)), doors_(uses_.loop, std::move(kept)) {}
Containers::~Containers() = default;

void Containers::Create(const ContainerRow& row, const ImageRow& image, Time received,
                        double catalog_milliseconds, Queued queued, Done created) {
  if (stopping_) return created(Fail(ErrorCode::kUnavailable, "the daemon is stopping"));
  auto life = std::make_unique<Life>(row, image);
  life->creation = Life::Creation{received, std::move(created), std::move(queued)};
  life->row.timings = {{"catalog", catalog_milliseconds}};
  lives_[row.id] = std::move(life);
  Tell(row.id, {EventKind::kCreated});
}

void Containers::ClientGone(int64_t id) {
  Tell(id, {EventKind::kClientGone});
}

void Containers::TakeBack(int64_t id) {
  const auto found = lives_.find(id);
  const std::string name = found == lives_.end() ? "" : found->second->row.name;
  const auto deleted = Delete(id);
  if (deleted) {
    NoteOwnChange("take-back", "data-container", id, name);
    spdlog::info("container {} is taken back: its client went away before it was told of it", id);
  } else if (deleted.error().code != ErrorCode::kNotFound) {
    spdlog::error("container {} is not taken back: {}", id, deleted.error().message);
  }
}

Result<void> Containers::Delete(int64_t id) {
  TRY(WithReserve(uses_.reserve, [&] { return uses_.catalog.containers.MarkDeleting(id); }));
  if (const auto life = lives_.find(id); life != lives_.end())
    uses_.ports.NoteLeaving(life->second->row.port);
  Tell(id, {EventKind::kDeleteMarked});
  return {};
}

size_t Containers::CountOf(uid_t owner) const {
  return static_cast<size_t>(std::count_if(lives_.begin(), lives_.end(), [owner](const auto& life) {
    return life.second->row.owner == owner && !life.second->row.pooled &&
           life.second->machine.State() != ContainerState::kDeleting;
  }));
}

void Containers::Updated(const ContainerRow& row) {
  const auto found = lives_.find(row.id);
  if (found == lives_.end()) return;
  found->second->row.name = row.name;
  found->second->row.owner = row.owner;
  found->second->row.sleep_after = row.sleep_after;
  found->second->row.idle_delete = row.idle_delete;
}

void Containers::StopAll() {
  stopping_ = true;
  for (const auto& [id, life] : lives_) {
    const Error stopping(ErrorCode::kUnavailable, "the daemon is stopping");
    if (life->creation) life->creation->created(Fail(stopping));
    life->creation.reset();
    ReplyReverted(*life, stopping);
    ReplyToWaiters(*life, &Life::started, stopping);
    ReplyToWaiters(*life, &Life::stopped, stopping);
    life->timer.reset();
    life->link.reset();
    life->spare_timer.reset();
    life->spare.reset();
  }
}

void Containers::Tell(int64_t id, ContainerEvent event) {
  const auto found = lives_.find(id);
  if (stopping_ || found == lives_.end()) return;
  Life& life = *found->second;
  const bool failed = event.kind == EventKind::kKeeperFailed || event.kind == EventKind::kKeeperExited ||
                      event.kind == EventKind::kKeeperUnknown || event.kind == EventKind::kRemovalFailed;
  if (failed) spdlog::warn("container {} ('{}'): {}", id, life.row.name, event.error.message);
  if (event.kind == EventKind::kKeeperFailed) life.starting.reset();
  const ContainerState before = life.machine.State();
  const std::vector<ContainerAction> actions = life.machine.Handle(event, steady_clock::now());
  if (event.kind == EventKind::kKeeperMissing) PresentDoor(life);
  ObserveEvent(uses_.metrics, life, event, before);
  for (const ContainerAction& action : actions) {
    if (action.kind == ActionKind::kForget) return Forget(id);  // `life` is gone after this one
    if (!CarryOut(life, action)) return;
  }
}

std::function<void(ContainerEvent)> Containers::Teller(int64_t id) {
  return [this, id, mailbox = &uses_.mailbox](const ContainerEvent& event) {
    mailbox->Post([this, id, event] { Tell(id, event); });
  };
}

bool Containers::CarryOut(Life& life, const ContainerAction& action) {
  switch (action.kind) {
    case ActionKind::kLaunchKeeper:
      LaunchKeeper(life);
      return true;
    case ActionKind::kCancelLaunch:
      life.cancel_launch.request_stop();
      life.leave_line.request_stop();
      GiveUpStart(life, {ErrorCode::kCancelled, "cancelled"});
      return true;
    case ActionKind::kHurryLaunch:
      life.leave_line.request_stop();
      return true;
    case ActionKind::kStopKeeper:
      StopKeeper(life);
      return true;
    case ActionKind::kHurryStop:
      life.hurry_stop.request_stop();
      return true;
    case ActionKind::kAttachKeeper:
      AttachKeeper(life);
      return true;
    case ActionKind::kKillKeeper:
      KillKeeper(life);
      return true;
    case ActionKind::kChangePort:
      return ChangePort(life);
    case ActionKind::kWriteState:
      WriteState(life, action);
      return true;
    case ActionKind::kRemoveFiles:
      RemoveFiles(life);
      return true;
    case ActionKind::kRemoveRow:
      RemoveRow(life, action.error);
      return true;
    case ActionKind::kStartTimer:
      StartTimer(life, action.delay);
      return true;
    case ActionKind::kForget:
      return true;
    default:
      CarryOutReply(life, action);
      return true;
  }
}

void Containers::CarryOutReply(Life& life, const ContainerAction& action) {
  switch (action.kind) {
    case ActionKind::kReplyCreated:
      ReplyCreated(life);
      return;
    case ActionKind::kReplyReverted:
      ReplyReverted(life, std::nullopt);
      return;
    case ActionKind::kReplyNotReverted:
      ReplyReverted(life, action.error);
      return;
    case ActionKind::kReplyStarted:
      ReplyToWaiters(life, &Life::started, std::nullopt);
      return;
    case ActionKind::kReplyNotStarted:
      ReplyToWaiters(life, &Life::started, action.error);
      return;
    case ActionKind::kReplyStopped:
      ReplyToWaiters(life, &Life::stopped, std::nullopt);
      return;
    case ActionKind::kReplyNotStopped:
      ReplyToWaiters(life, &Life::stopped, action.error);
      return;
    case ActionKind::kReplyFailed:
      if (life.creation) life.creation->created(Fail(action.error));
      life.creation.reset();
      return;
    default:
      return;
  }
}

namespace {

ContainerEvent Removal(const Result<void>& result, EventKind done) {
  if (result) return {done};
  return {EventKind::kRemovalFailed, result.error()};
}

}  // namespace

void Containers::KillKeeper(Life& life) {
  life.link.reset();
  life.confinement.reset();
  DropSpare(life);
  uses_.removals.Run({life.row.owner}, [tell = Teller(life.row.id), id = life.row.id, &layout = uses_.layout,
                                        others = life.others](const std::stop_token&) {
    // A spare that is being made is not found by its folder yet.
    const std::scoped_lock lock(others->making);
    tell(Removal(EndKeepers(layout, id), EventKind::kKeeperKilled));
  });
}

void Containers::RemoveFiles(Life& life) {
  PresentDoor(life);
  uses_.removals.Run({life.row.owner}, [tell = Teller(life.row.id), id = life.row.id, &layout = uses_.layout,
                                        &groups = uses_.groups](const std::stop_token&) {
    for (const std::string& volume : VolumesOf(layout, id))
      groups.Remove(ControlGroups::OfContainer(id, volume));
    tell(Removal(RemoveTree(layout.Container(id)), EventKind::kFilesRemoved));
  });
}

void Containers::RemoveRow(Life& life, const Error& why) {
  const auto because = uses_.catalog.events.Because({.detail = why.message});
  // The result is posted, because Tell is running: the machine takes one event at a time.
  Teller(life.row.id)(Removal(uses_.catalog.containers.Remove(life.row.id), EventKind::kRowRemoved));
}

bool Containers::ChangePort(Life& life) {
  const auto port = uses_.ports.Reserve();
  auto changed = port ? uses_.catalog.containers.SetPort(life.row.id, *port) : Fail(port.error());
  if (!changed) {
    if (port) uses_.ports.Release(*port);
    Teller(life.row.id)({EventKind::kKeeperFailed,
                         Error(ErrorCode::kNoSpace, changed.error().message, changed.error().hint)});
    return false;
  }
  doors_.Close(life.row.id);
  uses_.ports.Release(life.row.port);
  life.row.port = *port;
  return true;
}

void Containers::WriteState(Life& life, const ContainerAction& action) {
  const bool completes = life.creation && action.state == ContainerState::kRunning;
  const int64_t now = std::time(nullptr);
  if (completes) life.row.ready_milliseconds = MillisecondsSince(life.creation->received);
  const auto start = steady_clock::now();
  const bool went_back = life.row.revert_to && action.state == ContainerState::kRunning;
  const auto write = [&] {
    if (went_back) return uses_.catalog.containers.FinishRevert(life.row.id, *life.row.revert_to);
    if (action.stays_down) return uses_.catalog.containers.KeepDown(life.row.id, action.detail);
    return completes ? uses_.catalog.containers.Complete(life.row.id, life.row.ready_milliseconds,
                                                         life.row.timings, now)
                     : uses_.catalog.containers.SetState(life.row.id, action.state, action.detail);
  };
  // Only `failed` may use the reserve: nothing else remembers that the container stays down. The next start
  // finds out any other state.
  auto written = action.state == ContainerState::kFailed ? WithReserve(uses_.reserve, write) : write();
  if (went_back && written) life.row.revision = RevisionText(*life.row.revert_to);
  if (written && action.state != ContainerState::kRestarting) life.row.revert_to.reset();
  life.row.state = action.state;
  // A stop does not make it forget why it waits for a person.
  if (action.state != ContainerState::kStopped) life.row.stays_down = action.stays_down;
  life.row.asleep = action.state == ContainerState::kAsleep;
  life.row.stopped = life.row.asleep || action.state == ContainerState::kStopped;
  life.row.detail = action.detail;
  SpareAfterState(life, went_back && written);
  PresentDoor(life);
  if (completes) life.row.timings.emplace_back("commit", MillisecondsSince(start));
  if (action.state == ContainerState::kFailed) {
    spdlog::error("container {} ('{}') stays down: {}", life.row.id, life.row.name, action.detail);
  }
  if (action.state == ContainerState::kRunning && !completes) {
    spdlog::info("container {} ('{}') runs again", life.row.id, life.row.name);
  }
  if (!written) spdlog::error("container {}: {}", life.row.id, written.error().message);
  Teller(life.row.id)(written ? ContainerEvent{EventKind::kStateWritten}
                              : ContainerEvent{EventKind::kStateNotWritten, written.error()});
}

void Containers::ReplyCreated(Life& life) {
  if (!life.creation) return;
  life.row.ready_milliseconds = MillisecondsSince(life.creation->received);
  // As the catalog has it: meanwhile somebody may have given it another name or lifetime.
  ContainerRow row = uses_.catalog.containers.ById(life.row.id).value_or(life.row);
  row.ready_milliseconds = life.row.ready_milliseconds;
  row.timings = life.row.timings;
  life.creation->created(std::move(row));
  spdlog::info("container {} ('{}') of image {} is ready after {:.1f} ms", life.row.id, life.row.name,
               life.row.image_id, life.row.ready_milliseconds);
  life.creation.reset();
}

void Containers::StartTimer(Life& life, std::chrono::milliseconds delay) {
  const int64_t id = life.row.id;
  auto timer = WatchTime(uses_.loop, delay, std::chrono::milliseconds(0),
                         [this, id] { Tell(id, {EventKind::kTimerFired}); });
  if (timer) {
    life.timer = std::move(*timer);
  } else {
    spdlog::error("container {}: {}", id, timer.error().message);
  }
}

void Containers::Forget(int64_t id) {
  const auto found = lives_.find(id);
  const int64_t image_id = found->second->row.image_id;
  doors_.Close(id);
  uses_.ports.Release(found->second->row.port);
  spdlog::info("container {} ('{}') is gone", id, found->second->row.name);
  lives_.erase(found);
  uses_.container_gone(image_id);
}

}  // namespace spawnd::daemon
