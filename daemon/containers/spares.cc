/// Spares: a second server of a container, in a volume of its own that lies on the revision which a reset
/// goes back to. It waits behind the container's door, and the reset puts it in the place of the first.
///
/// Crash rule: one transaction of the catalog says that the container is in the spare's volume, at its
/// revision. Before it nothing has happened; from there on that volume is the container's, whatever ends in
/// between, and the next start of the daemon lets its server in and ends the other
/// (docs/adr/0012-a-spare-has-a-volume-of-its-own.md).
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "api/image_reference.h"
#include "base/escape_controls.h"
#include "daemon/containers/confinement.h"
#include "daemon/containers/containers.h"
#include "daemon/containers/launching.h"
#include "daemon/containers/life.h"
#include "daemon/containers/other_volumes.h"
#include "daemon/host/control_groups.h"
#include "daemon/host/installations.h"
#include "daemon/keeper/container_lock.h"
#include "daemon/keeper/files.h"
#include "daemon/loop/jobs.h"
#include "daemon/machine/failures.h"
#include "daemon/metrics/metrics.h"
#include "daemon/store/layout.h"
#include "daemon/store/volumes.h"
#include "engines/registry.h"

namespace spawnd::daemon {
namespace {

constexpr std::chrono::seconds kSpareDeadline{300};
/// Whose spare was given up waits for another as one whose spare failed as often: about a minute.
constexpr int kFailuresOfGivenUp = 6;
constexpr std::chrono::seconds kLongestSpareDelay{300};
/// Longer than any start of a server that is worth waiting for.
constexpr std::chrono::seconds kAwaitSpare{10};

uint32_t CurrentRevision(const ContainerRow& row) {
  return api::ParseRevision(row.revision).value_or(0);
}

/// Makes the volume and starts its server. After an error nothing of them is left.
Result<std::unique_ptr<KeeperClient>> StartSpare(const Containers::Uses& uses, const KeeperSpec& spec,
                                                 const std::string& volume, const HeldRevision& on,
                                                 const api::Limits& limits, const LaunchTerms& terms) {
  const auto start = [&]() -> Result<std::unique_ptr<KeeperClient>> {
    if (terms.stop()) return Fail(ErrorCode::kCancelled, "cancelled");
    if (on.number != 0) {
      TRY_ASSIGN(const auto ground, GroundOn(uses.layout, spec.id, on));
      if (ground.size() > kMostRevisionsBelow) {
        return Fail(ErrorCode::kUnsupported, "too many revisions lie below " + RevisionText(on.number));
      }
    }
    TRY(MakeVolume(uses.layout, spec.id, volume, on.number == 0 ? std::nullopt : std::optional(on)));
    return LaunchKeeperIn(uses, volume, spec, limits, terms);
  };
  auto keeper = start();
  if (keeper) return keeper;
  const auto left = LeaveVolumes(uses.layout, uses.groups, spec.id, {volume});
  if (!left) spdlog::error("container {}: a volume of its stays: {}", spec.id, left.error().message);
  return keeper;
}

/// The new server is let in first, so that who comes meanwhile is in no queue of the old one's.
Result<void> SwitchKeepers(const std::string& to, const std::string& from) {
  TRY(KeeperClient::LetIn(to));
  const auto cut = KeeperClient::CutOff(from);
  // However it is: nothing of it may be there when somebody is told that the container has gone back.
  return cut ? Result<void>() : KeeperClient::End(from, kKillDeadline);
}

}  // namespace

bool Containers::MayHaveSpare(const Life& life) const {
  if (stopping_ || !life.row.spare || life.row.pooled || life.spare || life.taking_spare || life.saves > 0)
    return false;
  if (life.machine.State() != ContainerState::kRunning || life.row.network == api::Network::kHost)
    return false;
  if (life.no_spare_of == CurrentRevision(life.row) || doors_.Of(life.row.id) == nullptr) return false;
  const auto engine = engines::FindEngine(life.image.engine);
  // One that is probed by its address is only reached there once it is let in.
  return engine && !(*engine)->ProbesByAddress();
}

void Containers::ConsiderSpare(int64_t id) {
  const auto found = lives_.find(id);
  if (found == lives_.end() || !MayHaveSpare(*found->second)) return;
  Life& life = *found->second;
  if (uses_.room_for_spare && !uses_.room_for_spare()) return TryAgainForSpare(life);
  const auto row = uses_.catalog.containers.ById(id);
  if (!row) return;
  life.spare_timer.reset();
  const uint32_t number = CurrentRevision(*row);
  life.spare.emplace();
  life.spare->volume = NewVolumeName();
  life.spare->revision = number;
  life.spare->since = std::chrono::steady_clock::now();
  KeeperSpec spec = SpecOf(life);
  spec.directory = uses_.layout.Volume(id, life.spare->volume);
  spec.behind_door = true;
  LaunchSpare(life, std::move(spec), {number, HolderOf(*row, number)});
}

void Containers::LaunchSpare(const Life& life, KeeperSpec spec, HeldRevision on) {
  const auto launch = [this, id = life.row.id, volume = life.spare->volume, spec = std::move(spec),
                       on = std::move(on), limits = LimitsOf(life.row, life.image, uses_.engine_host),
                       others = life.others, door = doors_.Of(life.row.id),
                       cancelled = life.spare->cancel.get_token()](const std::stop_token& daemon_stops) {
    const std::scoped_lock lock(others->making);
    LaunchTerms terms{.deadline = kSpareDeadline,
                      .stop = [&] { return cancelled.stop_requested() || daemon_stops.stop_requested(); }};
    terms.door = door;
    auto keeper = StartSpare(uses_, spec, volume, on, limits, terms);
    if (!keeper) {
      return uses_.mailbox.Post([this, id, volume, why = keeper.error()] { SpareFailed(id, volume, why); });
    }
    auto fd = std::make_shared<UniqueFd>((*keeper)->TakeConnection());
    uses_.mailbox.Post([this, id, volume, fd, started = (*keeper)->Started()] {
      SpareReady(id, volume, std::move(*fd), started);
    });
  };
  Jobs& jobs = life.awaits_spare ? uses_.launches : uses_.recoveries;
  jobs.Run({.owner = {life.row.owner}, .work = launch, .dropped = [](const Error&) {}});
}

void Containers::SpareReady(int64_t id, const std::string& volume, UniqueFd connection,
                            const daemon::KeeperStarted& started) {
  const auto found = lives_.find(id);
  if (stopping_ || found == lives_.end()) return;
  Life& life = *found->second;
  if (!life.spare || life.spare->volume != volume) return LeaveOtherVolumes(life);
  SecondServer& spare = *life.spare;
  spare.ready = true;
  spare.started = started;
  spare.connection = std::move(connection);
  life.spare_failures = 0;
  life.spare_timer.reset();
  auto watch = WatchReadable(uses_.loop, spare.connection.Get(), [this, id] { SpareSays(id); });
  if (watch) spare.watch = std::move(*watch);
  spdlog::info("container {} ('{}') has a spare at {}", id, life.row.name, RevisionText(spare.revision));
  if (const auto number = std::exchange(life.awaits_spare, std::nullopt)) GoBack(life, *number);
}

void Containers::SpareFailed(int64_t id, const std::string& volume, const Error& why) {
  const auto found = lives_.find(id);
  if (stopping_ || found == lives_.end()) return;
  Life& life = *found->second;
  if (!life.spare || life.spare->volume != volume) return ConsiderSpare(id);
  if (why.code == ErrorCode::kUnsupported) HaveNoSpareOf(life, life.spare->revision, why);
  life.spare.reset();
  spdlog::warn("container {} ('{}') has no spare: {}", id, life.row.name, why.message);
  TryAgainForSpare(life);
  if (const auto number = std::exchange(life.awaits_spare, std::nullopt)) GoBack(life, *number);
}

/// The catalog says so already.
void Containers::MoveTo(Life& life, const std::string& volume, bool is_new) {
  const std::string from = DirectoryOf(life);
  life.row.volume = volume;
  life.others->SetCurrent(volume);
  const std::string to = DirectoryOf(life);
  if (from == to || !uses_.log_moved) return;
  uses_.log_moved(from + "/" + kEngineLogName, to + "/" + kEngineLogName, is_new);
}

void Containers::HaveNoSpareOf(Life& life, uint32_t number, const Error& why) {
  life.no_spare_of = number;
  life.why_no_spare = "a reset starts its server anew: " + EscapeControls(why.message, "");
}

void Containers::TryAgainForSpare(Life& life) {
  // The first is tried again after a second: nobody waits for it.
  const auto delay = RestartDelay(static_cast<size_t>(life.spare_failures++) + 2, kLongestSpareDelay);
  auto timer = WatchTime(uses_.loop, delay, std::chrono::milliseconds(0),
                         [this, id = life.row.id] { uses_.mailbox.Post([this, id] { ConsiderSpare(id); }); });
  if (timer) life.spare_timer = std::move(*timer);
}

/// It has nothing to say but that it ends.
void Containers::SpareSays(int64_t id) {
  const auto found = lives_.find(id);
  if (found == lives_.end() || !found->second->spare) return;
  Life& life = *found->second;
  MessageReader reader;
  const auto part = reader.TakePart(life.spare->connection.Get(), MSG_DONTWAIT);
  if (!part && part.error().code == ErrorCode::kTimeout) return;
  const Error why = LastWords(uses_.layout.Volume(id, life.spare->volume), "its keeper was killed");
  spdlog::warn("the spare of container {} ('{}') has ended: {}", id, life.row.name, why.message);
  DropSpare(life);
  TryAgainForSpare(life);
}

void Containers::DropSpare(Life& life) {
  life.spare_timer.reset();
  if (std::exchange(life.awaits_spare, std::nullopt)) {
    ReplyReverted(life, Error(ErrorCode::kCancelled, "something else was asked of it meanwhile"));
  }
  if (!life.spare) return;
  life.spare->cancel.request_stop();
  // One that still starts sees to its files itself.
  const bool ready = life.spare->ready;
  life.spare.reset();
  if (ready) LeaveOtherVolumes(life);
}

/// Whoever resets all the time would never have a spare, if each reset ended the one that is starting.
void Containers::AwaitSpare(Life& life, uint32_t number) {
  life.awaits_spare = number;
  auto timer = WatchTime(uses_.loop, kAwaitSpare, std::chrono::milliseconds(0), [this, id = life.row.id] {
    uses_.mailbox.Post([this, id] { GoBackWithoutSpare(id); });
  });
  if (timer) life.spare_timer = std::move(*timer);
}

void Containers::GoBackWithoutSpare(int64_t id) {
  const auto found = lives_.find(id);
  if (stopping_ || found == lives_.end()) return;
  const auto number = std::exchange(found->second->awaits_spare, std::nullopt);
  if (!number) return;
  DropSpare(*found->second);
  const auto begun = GoBackInPlace(*found->second, *number);
  if (!begun) ReplyReverted(*found->second, begun.error());
}

void Containers::LeaveOtherVolumes(const Life& life) {
  std::vector<std::string> others = VolumesOf(uses_.layout, life.row.id);
  std::erase_if(others, [&life](const std::string& volume) {
    return volume == life.row.volume || (life.spare && life.spare->volume == volume);
  });
  if (others.empty()) return;
  // It may be in one of them again before the job begins.
  uses_.removals.Run({life.row.owner}, [this, id = life.row.id, all = life.others,
                                        others = std::move(others)](const std::stop_token&) {
    for (const std::string& volume : others) {
      const std::scoped_lock lock(all->leaving);
      if (all->IsCurrent(volume)) continue;
      const auto left = LeaveVolumes(uses_.layout, uses_.groups, id, {volume});
      if (!left)
        spdlog::error("container {}: a volume that it is not in stays: {}", id, left.error().message);
    }
    uses_.mailbox.Post([this, id] { ConsiderSpare(id); });
  });
}

bool Containers::SpareFits(const Life& life, uint32_t number) const {
  if (!life.spare || life.spare->revision != number || life.machine.State() != ContainerState::kRunning)
    return false;
  if (!life.spare->ready) return true;
  // A reset is a start, and would be one of the server that is installed now.
  const auto engine = engines::FindEngine(life.image.engine);
  const auto installed =
      engine ? uses_.installations.ForData(**engine, life.row.installation_version) : Fail(engine.error());
  return installed && installed->identity.Text() == life.spare->started.engine_program;
}

/// The last daemon ended between its word to the catalog and the gate.
void Containers::LetIn(const Life& life) {
  uses_.launches.Run(
      {life.row.owner}, [id = life.row.id, directory = DirectoryOf(life)](const std::stop_token&) {
        const auto opened = KeeperClient::LetIn(directory);
        if (opened) return;
        spdlog::error("container {}: its clients are not let in: {}", id, opened.error().message);
        // The next one lets them in by itself.
        static_cast<void>(KeeperClient::End(directory, kKillDeadline).has_value());
      });
}

Result<void> Containers::TakeSpare(Life& life, uint32_t number) {
  const int64_t id = life.row.id;
  const std::string from = DirectoryOf(life);
  TRY(uses_.catalog.containers.TakeSpare(id, number, life.spare->volume));
  SecondServer spare = std::move(*life.spare);
  life.spare.reset();
  MoveTo(life, spare.volume, true);
  life.row.revision = RevisionText(number);
  life.row.spare = true;
  life.row.detail.clear();
  life.taking_spare = true;
  spare.watch.reset();
  MakeLink(life, std::move(spare.connection), LinkMode::kServing);
  NoteConfinement(life, spare.started);
  uses_.launches.Run({.owner = {life.row.owner},
                      .work =
                          [this, id, number, from, to = DirectoryOf(life)](const std::stop_token&) {
                            uses_.mailbox.Post([this, id, number, switched = SwitchKeepers(to, from)] {
                              SpareTaken(id, number, switched);
                            });
                          },
                      .dropped = [](const Error&) {}});
  return {};
}

void Containers::SpareTaken(int64_t id, uint32_t number, const Result<void>& switched) {
  const auto found = lives_.find(id);
  if (stopping_ || found == lives_.end()) return;
  Life& life = *found->second;
  life.taking_spare = false;
  const ContainerState state = life.machine.State();
  if (!switched && state != ContainerState::kRunning && state != ContainerState::kRestarting) {
    return ReplyReverted(life, Error(ErrorCode::kCancelled, "something else was asked of it meanwhile"));
  }
  if (!switched) {
    spdlog::warn("container {} ('{}') goes back without its spare: {}", id, life.row.name,
                 switched.error().message);
    if (switched.error().code == ErrorCode::kUnsupported) HaveNoSpareOf(life, number, switched.error());
    const auto begun = GoBackInPlace(life, number);
    if (!begun) ReplyReverted(life, begun.error());
    return;
  }
  uses_.metrics.spare_resets.Count({life.image.engine});
  ReplyReverted(life, std::nullopt);
  LeaveOtherVolumes(life);
  ConsiderSpare(id);
}

void Containers::SpareAfterState(Life& life, bool went_back) {
  if (life.row.state == ContainerState::kRunning) {
    // What it has left is in the way of nobody, but takes room.
    if (went_back) LeaveOtherVolumes(life);
    // The machine knows of the state once this has returned.
    return uses_.mailbox.Post([this, id = life.row.id] { ConsiderSpare(id); });
  }
  const bool comes_back =
      life.row.state == ContainerState::kRestarting || life.row.state == ContainerState::kReverting;
  if (!comes_back) DropSpare(life);
}

/// What it waits at is not where a reset goes back to any more.
void Containers::SpareAfterSave(Life& life, const std::string& revision) {
  life.row.revision = revision;
  life.spare_failures = 0;
  DropSpare(life);
  ConsiderSpare(life.row.id);
}

std::string Containers::GroupOfSpare(int64_t id) const {
  const auto found = lives_.find(id);
  if (found == lives_.end() || !found->second->spare) return "";
  return ControlGroups::OfContainer(id, found->second->spare->volume);
}

std::vector<int64_t> Containers::WithSpare() const {
  std::vector<std::pair<Time, int64_t>> all;
  for (const auto& [id, life] : lives_) {
    if (life->spare) all.emplace_back(life->spare->since, id);
  }
  std::sort(all.begin(), all.end());
  std::vector<int64_t> ids;
  for (const auto& [since, id] : all) ids.push_back(id);
  return ids;
}

void Containers::GiveUpSpare(int64_t id) {
  const auto found = lives_.find(id);
  // A reset that waits for it is somebody's wish.
  if (found == lives_.end() || !found->second->spare || found->second->awaits_spare) return;
  Life& life = *found->second;
  spdlog::info("the spare of container {} ('{}') is given up: its room is needed", id, life.row.name);
  DropSpare(life);
  life.spare_failures = std::max(life.spare_failures, kFailuresOfGivenUp);
  TryAgainForSpare(life);
}

std::string Containers::SpareOf(int64_t id) const {
  const auto found = lives_.find(id);
  if (found == lives_.end() || !found->second->spare) return "";
  return found->second->spare->ready ? "ready" : "starting";
}

std::string Containers::WhyNoSpareOf(int64_t id) const {
  const auto found = lives_.find(id);
  if (found == lives_.end()) return "";
  const Life& life = *found->second;
  return life.row.spare && life.no_spare_of == CurrentRevision(life.row) ? life.why_no_spare : "";
}

}  // namespace spawnd::daemon
