/// What keepers say by themselves, on a connection to each that the loop watches: how a start goes that takes
/// long, that they have ended, and, of those from before the daemon's start, that they are there.
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <ctime>
#include <utility>

#include "base/escape_controls.h"
#include "base/file.h"
#include "daemon/containers/confinement.h"
#include "daemon/containers/connection.h"
#include "daemon/containers/containers.h"
#include "daemon/containers/life.h"
#include "daemon/containers/other_volumes.h"
#include "daemon/host/ports.h"
#include "daemon/keeper/container_lock.h"
#include "daemon/keeper/control_socket.h"
#include "daemon/keeper/protocol.h"
#include "daemon/loop/jobs.h"
#include "daemon/metrics/metrics.h"
#include "daemon/store/disk.h"
#include "daemon/store/layout.h"
#include "daemon/store/volumes.h"

namespace spawnd::daemon {
namespace {

using EventKind = ContainerEvent::Kind;
using Mode = LinkMode;
using std::chrono::steady_clock;

/// After which a keeper that is there and does not say how it is counts as one that runs: it is busy, or
/// somebody holds it.
constexpr std::chrono::seconds kStatusPatience{5};
constexpr size_t kMostOfWords = 300;

/// What becomes of an attempt to attach that failed with `error`: only a lock that is free says that no
/// keeper is there.
ContainerEvent NotAttached(const std::string& directory, const Error& error) {
  const auto held = ContainerLock::IsHeld(directory);
  if (held && !*held) return {EventKind::kKeeperMissing};
  return {EventKind::kKeeperUnknown, held ? error : held.error()};
}

Result<void> Ask(int connection, KeeperRequest::Op op) {
  KeeperRequest request;
  request.op = op;
  return SendMessage(connection, EncodeRequest(request));
}

}  // namespace

Result<void> Containers::Adopt(std::vector<ContainerRow> rows) {
  // At once for all, before any is tried: after a reboot that is one sync of the disk and not hundreds.
  std::vector<int64_t> without;
  std::vector<int64_t> asleep;
  for (ContainerRow& row : rows) {
    if (row.state != ContainerState::kRunning) continue;
    const auto connection = ConnectToKeeper(uses_.layout.Volume(row.id, row.volume), Connect::kAtOnce);
    const auto held =
        connection ? Result<bool>(true) : ContainerLock::IsHeld(uses_.layout.Volume(row.id, row.volume));
    if (!held || *held) continue;  // it is there, or nobody knows
    if (row.pooled) {              // nobody has it, and another one is as good
      TRY(uses_.catalog.containers.MarkDeleting(row.id));
      row.state = ContainerState::kDeleting;
      continue;
    }
    TRY_ASSIGN(const ImageRow image, uses_.catalog.images.ById(row.image_id));
    // Nobody waits for it, and the rest have the machine to themselves. One that was kept awake has a detail.
    if (SleepAfterOf(row, image, uses_.engine_host) > 0 && row.detail.empty()) {
      asleep.push_back(row.id);
      row.state = ContainerState::kAsleep;
      row.stopped = row.asleep = true;
      continue;
    }
    without.push_back(row.id);
    row.state = ContainerState::kRestarting;
    row.detail = "no keeper was running when the daemon started";
  }
  TRY(uses_.catalog.containers.MarkRestarting(without, "no keeper was running when the daemon started"));
  TRY(uses_.catalog.containers.MarkAsleep(asleep));
  for (const ContainerRow& row : rows) {
    TRY_ASSIGN(ImageRow image, uses_.catalog.images.ById(row.image_id));
    uses_.ports.Claim(row.port);
    lives_[row.id] = std::make_unique<Life>(row, std::move(image));
    doors_.TakeKept(row.id, EndpointOf(row));
  }
  doors_.DropUnclaimed();
  for (const ContainerRow& row : rows) {
    Tell(row.id, {EventKind::kFoundAtStart});
    // The others are asked for keepers, or get one.
    if (row.state == ContainerState::kFailed && row.stays_down) PresentDoor(*lives_.at(row.id));
    // What is left of second servers. Where nothing of its own volume is there, one of the others may be what
    // it should be in.
    const bool others = !row.volume.empty() || VolumesOf(uses_.layout, row.id).size() > 1;
    const auto there = PosixFileSystem().Exists(uses_.layout.Delta(row.id, row.volume));
    if (others && there && *there) LeaveOtherVolumes(*lives_.at(row.id));
  }
  return {};
}

/// On the loop: nothing here waits, however its keeper is.
void Containers::AttachKeeper(Life& life) {
  const int64_t id = life.row.id;
  const std::string directory = DirectoryOf(life);
  auto connection = ConnectToKeeper(directory, Connect::kAtOnce);
  if (!connection) return Teller(id)(NotAttached(directory, connection.error()));
  const auto asked = Ask(connection->Get(), KeeperRequest::Op::kStatus);
  if (!asked) return Teller(id)(NotAttached(directory, asked.error()));
  MakeLink(life, std::move(*connection), Mode::kAttaching);
  auto patience = WatchTime(uses_.loop, kStatusPatience, std::chrono::milliseconds(0), [this, id] {
    const auto found = lives_.find(id);
    if (found == lives_.end() || !found->second->link || found->second->link->mode != Mode::kAttaching)
      return;
    found->second->link->mode = Mode::kServing;
    Tell(id, {EventKind::kKeeperAttached});
  });
  if (patience && life.link) life.link->patience = std::move(*patience);
}

void Containers::Launched(int64_t id, UniqueFd connection, const daemon::KeeperStarted& started) {
  const auto found = lives_.find(id);
  if (stopping_ || found == lives_.end()) return;
  MakeLink(*found->second, std::move(connection), started.starting ? Mode::kStarting : Mode::kServing);
  if (started.starting) {
    // Between its thread and this the launch may have been cancelled.
    if (found->second->cancel_launch.stop_requested()) {
      GiveUpStart(*found->second, {ErrorCode::kCancelled, "cancelled"});
    }
    return;
  }
  KeeperStarted(id, started);
}

void Containers::MakeLink(Life& life, UniqueFd connection, LinkMode mode) {
  life.link = std::make_unique<Life::Link>();
  life.link->connection = std::move(connection);
  life.link->mode = mode;
  auto watch =
      WatchReadable(uses_.loop, life.link->connection.Get(), [this, id = life.row.id] { KeeperSays(id); });
  if (watch) {
    life.link->watch = std::move(*watch);
  } else {
    spdlog::error("container {} is not watched: {}", life.row.id, watch.error().message);
  }
}

/// One packet a call: the watch calls again while there are more, and what one of them brings about may take
/// the link away.
void Containers::KeeperSays(int64_t id) {
  const auto found = lives_.find(id);
  if (found == lives_.end() || !found->second->link) return;
  Life& life = *found->second;
  auto part = life.link->reader.TakePart(life.link->connection.Get(), MSG_DONTWAIT);
  if (!part) {
    if (part.error().code == ErrorCode::kTimeout) return;
    return KeeperEnded(life, LastWords(DirectoryOf(life), "its keeper was killed"));
  }
  if (!*part) return;
  if (!(*part)->descriptors.empty()) {
    doors_.TakeBack(id, EndpointOf(life.row), std::move((*part)->descriptors));
    // It was asked before that, and there is none without a door.
    return ConsiderSpare(id);
  }
  const auto reply = DecodeReply((*part)->text);
  if (!reply) return;
  if (reply->error) return KeeperEnded(life, *reply->error);
  if (reply->starting) return EngineSays(id, *reply->starting);
  KeeperReplied(life, reply->started);
}

/// The last daemon had it, and nobody has kept it but the keeper.
void Containers::AskForDoor(const Life& life, const daemon::KeeperStarted& started) {
  if (!started.has_door || doors_.Of(life.row.id) != nullptr) return;
  static_cast<void>(Ask(life.link->connection.Get(), KeeperRequest::Op::kDoor).has_value());
}

void Containers::KeeperReplied(Life& life, const daemon::KeeperStarted& started) {
  const int64_t id = life.row.id;
  const Mode before = life.link->mode;
  life.link->patience.reset();
  if (before == Mode::kAttaching && started.starting &&
      Ask(life.link->connection.Get(), KeeperRequest::Op::kAwaitStart)) {
    life.link->mode = Mode::kStarting;
    AskForDoor(life, started);
    return Tell(id, {EventKind::kKeeperStarting});
  }
  life.link->mode = Mode::kServing;
  AskForDoor(life, started);
  if (before == Mode::kStarting) return KeeperStarted(id, started);
  NoteRevisions(life, started.revisions);
  NoteConfinement(life, started);
  if (before != Mode::kAttaching) return;
  if (started.behind_door) LetIn(life);
  Tell(id, {EventKind::kKeeperAttached});
  ConsiderSpare(id);
}

void Containers::KeeperStarted(int64_t id, const daemon::KeeperStarted& started) {
  const auto found = lives_.find(id);
  if (found == lives_.end()) return;
  Life& life = *found->second;
  life.starting.reset();
  if (const auto woken = std::exchange(life.woken, std::nullopt)) {
    const std::chrono::duration<double> took = steady_clock::now() - *woken;
    uses_.metrics.wake_seconds.Observe({life.image.engine}, took.count());
  }
  if (life.creation) {
    for (const auto& timing : started.timings) life.row.timings.push_back(timing);
  }
  NoteRevisions(life, started.revisions);
  NoteConfinement(life, started);
  Tell(id, {EventKind::kKeeperStarted});
}

void Containers::KeeperEnded(Life& life, Error error) {
  const int64_t id = life.row.id;
  const Mode mode = life.link->mode;
  if (mode == Mode::kStarting) return GiveUpStart(life, std::move(error));
  life.link.reset();
  life.confinement.reset();
  if (mode == Mode::kAttaching) return Tell(id, NotAttached(DirectoryOf(life), error));
  if (life.row.pooled) {
    // Nobody has it, and another one is as good: this one would have what was committed a second ago.
    const auto because_it_ended = uses_.catalog.events.Because({.detail = error.message});
    if (Delete(id)) return;
  }
  const auto because = uses_.catalog.events.Because(WhatTheKernelDid(life));
  // An engine says in many words that the disk is full, and its log may not have had room for any.
  Tell(id, {EventKind::kKeeperExited, JudgeSpace(std::move(error), uses_.layout.Root())});
}

/// Ends a start that goes on in its keeper, if there is one, and answers as its launch would have.
void Containers::GiveUpStart(Life& life, Error why) {
  if (!life.link || life.link->mode != Mode::kStarting) return;
  life.link.reset();
  life.starting.reset();
  life.confinement.reset();
  uses_.removals.Run({life.row.owner}, [this, id = life.row.id, spec = SpecOf(life),
                                        why = std::move(why)](const std::stop_token&) {
    // It may go back to a revision in another volume by now.
    const auto ended = EndKeepers(uses_.layout, id);
    Error error = why.code == ErrorCode::kCancelled ? why : Judge(why, spec, false);
    if (!ended) error.message += " (and " + ended.error().message + ")";
    Teller(id)({EventKind::kKeeperFailed, std::move(error)});
  });
}

void Containers::EngineSays(int64_t id, const std::string& words) {
  const auto found = lives_.find(id);
  if (found == lives_.end()) return;
  auto& starting = found->second->starting;
  if (!starting) starting = Life::Starting{std::time(nullptr), {}};
  starting->words = EscapeControls(words.substr(0, kMostOfWords), "");
}

std::string Containers::StartingOf(int64_t id) const {
  const auto found = lives_.find(id);
  if (found == lives_.end() || !found->second->starting) return "";
  const auto& [since, words] = *found->second->starting;
  return "its engine is starting, for " + std::to_string(std::time(nullptr) - since) + " s" +
         (words.empty() ? "" : ": " + words);
}

}  // namespace spawnd::daemon
