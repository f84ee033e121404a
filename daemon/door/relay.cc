#include "daemon/door/relay.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>

namespace spawnd::daemon {
namespace {

constexpr size_t kBuffer = size_t{16} << 10;
constexpr int kEventsAtOnce = 64;

/// One way of a connection.
struct Way {
  std::string held;         ///< read and not yet written
  size_t written = 0;       ///< of these
  bool has_end = false;     ///< nothing more comes
  bool passed_end = false;  ///< and that was said
  bool Holds() const { return written < held.size(); }
};

enum class Step { kBlocked, kBroken };

/// As much as goes.
Step MoveBytes(int from, int to, Way& way) {
  while (!way.passed_end) {
    if (way.Holds()) {
      const ssize_t n =
          ::send(to, way.held.data() + way.written, way.held.size() - way.written, MSG_NOSIGNAL);
      if (n < 0) return errno == EAGAIN || errno == EINTR ? Step::kBlocked : Step::kBroken;
      way.written += static_cast<size_t>(n);
      if (way.Holds()) continue;
      way.held = {};
      way.written = 0;
    }
    if (way.has_end) {
      ::shutdown(to, SHUT_WR);
      way.passed_end = true;
      continue;
    }
    std::array<char, kBuffer> bytes;
    const ssize_t n = ::recv(from, bytes.data(), bytes.size(), 0);
    if (n < 0) return errno == EAGAIN || errno == EINTR ? Step::kBlocked : Step::kBroken;
    if (n == 0) {
      way.has_end = true;
    } else {
      way.held.assign(bytes.data(), static_cast<size_t>(n));
    }
  }
  return Step::kBlocked;
}

void SetUp(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

/// The other side sees a broken connection, not one that has ended in order.
void Break(int socket) {
  const linger at_once{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

}  // namespace

struct Relay::Pair {
  uint64_t id = 0;
  UniqueFd client;
  UniqueFd server;
  Way there;  ///< from the client
  Way back;
  bool connecting = true;
  uint32_t client_events = 0;
  uint32_t server_events = 0;
};

Relay::Relay(UniqueFd events) : events_(std::move(events)) {}
Relay::~Relay() = default;

Result<std::unique_ptr<Relay>> Relay::Make() {
  UniqueFd events(::epoll_create1(EPOLL_CLOEXEC));
  if (!events.Valid()) return FailErrno(errno, "cannot wait for connections");
  return std::unique_ptr<Relay>(new Relay(std::move(events)));
}

void Relay::PassOn(UniqueFd client, const HostAddress& server) {
  auto pair = std::make_unique<Pair>();
  pair->server.Reset(::socket(server.socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!pair->server.Valid()) return;
  SetUp(client.Get());
  SetUp(pair->server.Get());
  const int code = ::connect(pair->server.Get(), &server.socket.any, server.length);
  if (code != 0 && errno != EINPROGRESS) return;
  pair->connecting = code != 0;
  pair->client = std::move(client);
  pair->id = next_++;
  Pair& made = *pair;
  pairs_[made.id] = std::move(pair);
  if (made.connecting) return Watch(made);
  if (!Move(made)) pairs_.erase(made.id);
}

/// Waits for what can go on. Level-triggered, so that nothing is asked for that nobody would take; an end of
/// which nothing is wanted is not looked at, or it would say again and again that it has hung up.
void Relay::Watch(Pair& pair) {
  const auto wanted = [](const Way& in, const Way& out) {
    uint32_t events = 0;
    if (!in.Holds() && !in.has_end) events |= EPOLLIN;
    if (out.Holds()) events |= EPOLLOUT;
    return events;
  };
  const auto set = [&](int socket, uint32_t events, uint32_t& known) {
    if (events == known) return;
    const int command = known == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    epoll_event event{};
    event.events = events;
    event.data.u64 = pair.id;
    ::epoll_ctl(events_.Get(), command, socket, &event);
    known = events;
  };
  const bool waits = pair.connecting;
  set(pair.client.Get(), waits ? 0U : wanted(pair.there, pair.back), pair.client_events);
  set(pair.server.Get(), waits ? static_cast<uint32_t>(EPOLLOUT) : wanted(pair.back, pair.there),
      pair.server_events);
}

bool Relay::Move(Pair& pair) {
  if (pair.connecting) {
    int err = 0;
    socklen_t length = sizeof err;
    ::getsockopt(pair.server.Get(), SOL_SOCKET, SO_ERROR, &err, &length);
    if (err != 0) return false;
    pair.connecting = false;
  }
  const bool client_broke = MoveBytes(pair.client.Get(), pair.server.Get(), pair.there) == Step::kBroken;
  const bool server_broke = MoveBytes(pair.server.Get(), pair.client.Get(), pair.back) == Step::kBroken;
  if (client_broke || server_broke) {
    // What the server said last, before it went, may be all that the client is to know.
    if (!pair.back.Holds()) Break(pair.server.Get());
    return false;
  }
  if (pair.there.passed_end && pair.back.passed_end) return false;
  Watch(pair);
  return true;
}

void Relay::Go() {
  std::array<epoll_event, kEventsAtOnce> events{};
  const int count = ::epoll_wait(events_.Get(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    const auto found = pairs_.find(events[static_cast<size_t>(i)].data.u64);
    if (found == pairs_.end()) continue;  // both of its ends had something to say
    Pair& pair = *found->second;
    // An end that has broken says so whatever is asked of it.
    const bool broken = !pair.connecting && (events[static_cast<size_t>(i)].events & EPOLLERR) != 0;
    if (!Move(pair) || broken) pairs_.erase(found);
  }
}

}  // namespace spawnd::daemon
