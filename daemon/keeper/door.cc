/// The keeper and the container's door: when clients are let in to its engine, and when they have to wait.
#include <thread>
#include <utility>

#include "daemon/keeper/keeper.h"

namespace spawnd::daemon {
namespace {

using namespace std::chrono_literals;

/// How long the end of an engine waits for clients that it is just letting in.
constexpr auto kLongestEntry = 50ms;
constexpr auto kEntryCheck = 1ms;

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
  }
  if (plan_.filters_fd < 0) return {};
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
  spec_.behind_door = false;
  passage_->Open();
  return {};
}

void Keeper::ShutGate() {
  if (!passage_) return;
  passage_->Shut();
  if (!engine_running_ || Starting() || !session_ || spec_.behind_door) return;
  const auto end = std::chrono::steady_clock::now() + kLongestEntry;
  while (std::chrono::steady_clock::now() < end) {
    // In this order: who has left the queue is on his way in.
    if (passage_->Waiting() == 0 && session_->ClientsOnTheirWayIn().value_or(0) == 0) return;
    std::this_thread::sleep_for(kEntryCheck);
  }
}

}  // namespace spawnd::daemon
