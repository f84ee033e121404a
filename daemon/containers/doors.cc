#include "daemon/containers/doors.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace spawnd::daemon {
namespace {

/// To say who he is; a client that says nothing needs no answer.
constexpr std::chrono::seconds kVisit{10};
/// At once, of all containers; more are closed without a word.
constexpr size_t kMostVisitors = 256;
/// A client's first words.
constexpr size_t kMostReceived = 1024;
constexpr int kMostAtOnce = 64;

}  // namespace

struct Doors::Entry {
  int64_t id = 0;
  std::shared_ptr<const Door> door;
  const engines::Engine* engine = nullptr;  ///< set: whoever comes is turned away
  std::string words;
  std::function<void()> arrived;
  std::vector<std::unique_ptr<Watch>> watches;  ///< before the door
};

struct Doors::Visitor {
  UniqueFd socket;
  const engines::Engine* engine = nullptr;
  std::string words;
  std::string received;
  std::unique_ptr<daemon::Watch> readable;
  std::unique_ptr<daemon::Watch> patience;
};

Doors::Doors(uv_loop_t* loop, KeptDoors kept) : loop_(loop), kept_(std::move(kept)) {}
Doors::~Doors() = default;

Doors::Entry* Doors::Find(int64_t id) {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : found->second.get();
}

std::shared_ptr<const Door> Doors::Of(int64_t id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : found->second->door;
}

std::shared_ptr<const Door> Doors::Add(int64_t id, Door door) {
  auto entry = std::make_unique<Entry>();
  entry->id = id;
  entry->door = std::make_shared<const Door>(std::move(door));
  KeepDoor(id, *entry->door);
  auto& place = entries_[id];
  place = std::move(entry);
  return place->door;
}

Result<std::shared_ptr<const Door>> Doors::Open(int64_t id, const engines::Endpoint& endpoint) {
  if (const Entry* entry = Find(id)) return entry->door;
  TRY_ASSIGN(Door door, Door::Open(endpoint));
  return Add(id, std::move(door));
}

void Doors::TakeKept(int64_t id, const engines::Endpoint& endpoint) {
  const auto kept = kept_.find(id);
  if (kept == kept_.end()) return;
  auto door = Door::Of(endpoint, std::move(kept->second));
  kept_.erase(kept);
  if (door) {
    Add(id, std::move(*door));
  } else {
    DropKeptDoor(id);
  }
}

void Doors::TakeBack(int64_t id, const engines::Endpoint& endpoint, std::vector<UniqueFd> descriptors) {
  if (Find(id) != nullptr) return;
  auto door = Door::Of(endpoint, std::move(descriptors));
  if (door) {
    Add(id, std::move(*door));
  } else {
    spdlog::warn("container {}: {}", id, door.error().message);
  }
}

void Doors::Close(int64_t id) {
  if (entries_.erase(id) > 0) DropKeptDoor(id);
}

void Doors::DropUnclaimed() {
  for (const auto& [id, descriptors] : kept_) DropKeptDoor(id);
  kept_.clear();
}

void Doors::Look(Entry& entry, const std::function<void(size_t)>& comes) {
  entry.watches.clear();
  for (size_t i = 0; i < entry.door->Addresses(); ++i) {
    auto watch = WatchReadable(loop_, entry.door->Socket(i), [comes, i] { comes(i); });
    if (watch) {
      entry.watches.push_back(std::move(*watch));
    } else {
      spdlog::error("the door of container {} is not watched: {}", entry.id, watch.error().message);
    }
  }
}

void Doors::Leave(int64_t id) {
  Entry* entry = Find(id);
  if (entry == nullptr) return;
  entry->watches.clear();
  entry->engine = nullptr;
  entry->arrived = nullptr;
}

void Doors::WatchArrivals(int64_t id, std::function<void()> arrived) {
  Leave(id);
  Entry* entry = Find(id);
  if (entry == nullptr) return;
  entry->arrived = std::move(arrived);
  Look(*entry, [this, id](size_t) {
    Entry* visited = Find(id);
    if (visited == nullptr) return;
    const auto tell = std::move(visited->arrived);
    Leave(id);
    if (tell) tell();
  });
}

void Doors::TurnAway(int64_t id, const engines::Engine& engine, const std::string& words) {
  Leave(id);
  Entry* entry = Find(id);
  if (entry == nullptr) return;
  entry->engine = &engine;
  entry->words = words;
  Look(*entry, [this, id](size_t address) { Accept(id, address); });
}

void Doors::Accept(int64_t id, size_t address) {
  const Entry* entry = Find(id);
  for (int i = 0; entry != nullptr && entry->engine != nullptr && i < kMostAtOnce; ++i) {
    UniqueFd socket(::accept4(entry->door->Socket(address), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket.Valid()) return;
    if (visitors_.size() >= kMostVisitors) continue;
    const uint64_t number = next_visitor_++;
    auto visitor = std::make_unique<Visitor>();
    visitor->engine = entry->engine;
    visitor->words = entry->words;
    auto readable = WatchReadable(loop_, socket.Get(), [this, number] { Hear(number); });
    auto patience =
        WatchTime(loop_, kVisit, std::chrono::milliseconds(0), [this, number] { visitors_.erase(number); });
    visitor->socket = std::move(socket);
    if (!readable || !patience) continue;
    visitor->readable = std::move(*readable);
    visitor->patience = std::move(*patience);
    visitors_[number] = std::move(visitor);
    Hear(number);
  }
}

void Doors::Hear(uint64_t number) {
  const auto found = visitors_.find(number);
  if (found == visitors_.end()) return;
  Visitor& visitor = *found->second;
  std::array<char, kMostReceived> bytes{};
  const ssize_t n = ::recv(visitor.socket.Get(), bytes.data(), bytes.size(), 0);
  const bool gone = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
  if (n > 0) visitor.received.append(bytes.data(), static_cast<size_t>(n));
  const engines::Farewell farewell = visitor.engine->TurnAway(visitor.received, visitor.words);
  visitor.received.erase(0, farewell.taken);
  if (!farewell.bytes.empty()) {
    ::send(visitor.socket.Get(), farewell.bytes.data(), farewell.bytes.size(), MSG_NOSIGNAL);
  }
  if (!gone && !farewell.is_over && visitor.received.size() < kMostReceived) return;
  // A close with something unread would break the connection, and the words with it.
  ::shutdown(visitor.socket.Get(), SHUT_WR);
  while (::recv(visitor.socket.Get(), bytes.data(), bytes.size(), 0) > 0) {
  }
  visitors_.erase(found);
}

}  // namespace spawnd::daemon
