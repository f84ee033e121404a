/// The keeper and the container's door: when clients are let in to its engine, and when they have to wait.
#include <thread>
#include <utility>

#include "daemon/keeper/keeper.h"

namespace spawnd::daemon {
namespace {

using namespace std::chrono_literals;

/// How long the end of an engine waits for clients that it is just letting in.
constexpr auto kLongestEntry = 250ms;
constexpr auto kEntryCheck = 1ms;
constexpr auto kRecoveryCheck = 2s;

}  // namespace

Result<void> Keeper::TakeDoor(std::vector<UniqueFd> descriptors) {
  if (descriptors.empty()) return {};
  TRY_ASSIGN(door_, Door::Of(spec_.endpoint, std::move(descriptors)));
  return {};
}

/// After the fork of process 1: there are threads from here on.
Result<void> Keeper::PutPortInPlace(UniqueFd filters) {
  if (door_) {
    TRY_ASSIGN(passage_, Passage::Start(std::move(*door_), spec_.endpoint));
    door_.reset();
    started_.has_door = true;
    NoticeRecoveries();
  }
  if (plan_.filters_fd < 0) return {};
  if (spec_.primary) {
    TRY_ASSIGN(primary_link_,
               PrimaryLink::Start(spec_.primary_addresses, spec_.primary->port, std::move(filters)));
    return {};
  }
  ListeningPort::Bound bound;
  if (passage_) {
    bound = [this](size_t address, UniqueFd socket) {
      passage_->EngineBound(address, std::move(socket));
      // The session connects as clients do, and would wait at the door itself.
      if (engine_->ProbesByAddress() && !spec_.behind_door) passage_->Open();
    };
  }
  TRY_ASSIGN(port_, ListeningPort::Start(spec_.endpoint, std::move(filters), std::move(bound)));
  return {};
}

void Keeper::LetClientsIn() {
  if (passage_ && !spec_.behind_door) passage_->Open();
}

Result<void> Keeper::OpenGate() {
  if (!passage_) return Fail(ErrorCode::kUnsupported, "the container has no door");
  if (!engine_running_ || Starting()) return Fail(ErrorCode::kUnavailable, "the engine is not running");
  if (spec_.behind_door) {
    if (!session_) return Fail(ErrorCode::kUnavailable, "there is no session with the engine");
    TRY(session_->TakeOver());
    spec_.behind_door = false;
  }
  passage_->Open();
  return {};
}

/// A server that throws all clients out and recovers, and does not end: who comes meanwhile waits, as for a
/// start.
void Keeper::NoticeRecoveries() {
  if (engine_->OutOfServiceLine().empty()) return;
  log_->Notice(engine_->OutOfServiceLine(), [this] {
    if (!passage_->IsOpen()) return;
    recovering_ = true;
    passage_->Shut();
  });
  log_->Notice(engine_->ReadyLine(), [this] {
    if (recovering_.exchange(false)) passage_->Open();
  });
}

/// The words may have been somebody's own, who can write to the log: the server is asked itself, now and
/// then.
void Keeper::CheckRecovery() {
  const auto now = std::chrono::steady_clock::now();
  if (!recovering_) {
    next_recovery_check_ = now + kRecoveryCheck;
  } else if (now > next_recovery_check_) {
    next_recovery_check_ = now + kRecoveryCheck;
    if (session_ && session_->Probe() && recovering_.exchange(false)) passage_->Open();
  }
}

void Keeper::ShutGate() {
  if (!passage_) return;
  recovering_ = false;
  passage_->Shut();
  if (!engine_running_ || Starting() || !session_ || spec_.behind_door) return;
  bool was_clear = false;
  const auto end = std::chrono::steady_clock::now() + kLongestEntry;
  while (std::chrono::steady_clock::now() < end) {
    // In this order: who has left the queue is on his way in.
    const bool clear = passage_->Waiting() == 0 && session_->ClientsOnTheirWayIn().value_or(0) == 0;
    if (clear && was_clear) return;
    // Twice: between the queue and where the server shows him nobody sees a client.
    was_clear = clear;
    std::this_thread::sleep_for(kEntryCheck);
  }
}

}  // namespace spawnd::daemon
