/// The forwarder of `spawnctl proxy` between real sockets on the loopback interface.
#include "client/http/tcp_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>

#include "tests/support/catch.h"

namespace spawnd::client {
namespace {

using Catch::Matchers::Contains;

/// A blocking socket that gives up after ten seconds: a hang is a failed test, not a stuck one.
class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {
    const timeval limit{10, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }

  bool Send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::send(fd_.Get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }
  /// Exactly so many bytes; fewer when the other end closed or ten seconds went by.
  std::string Receive(size_t size) const {
    std::string text(size, '\0');
    size_t have = 0;
    while (have < size) {
      const ssize_t count = ::recv(fd_.Get(), text.data() + have, size - have, 0);
      if (count <= 0) break;
      have += static_cast<size_t>(count);
    }
    text.resize(have);
    return text;
  }
  /// Whether the other end's end arrives next, orderly or not, and nothing before it.
  bool Ended() const {
    char byte = 0;
    const ssize_t count = ::recv(fd_.Get(), &byte, 1, 0);
    return count == 0 || (count < 0 && (errno == ECONNRESET || errno == EPIPE));
  }
  bool SomethingWithin(int milliseconds) const {
    pollfd waited{fd_.Get(), POLLIN, 0};
    return ::poll(&waited, 1, milliseconds) == 1;
  }
  void EndSending() const { ::shutdown(fd_.Get(), SHUT_WR); }
  void Close() { fd_.Reset(); }
  /// Closes so that the other end gets a reset.
  void Break() {
    const linger at_once{1, 0};
    ::setsockopt(fd_.Get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    fd_.Reset();
  }
  int Fd() const { return fd_.Get(); }

 private:
  UniqueFd fd_;
};

Socket ConnectTo(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(socket.Fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return socket;
}

UniqueFd Listener() {
  auto fd = ListenTcp({"127.0.0.1", 0});
  REQUIRE(fd);
  return std::move(*fd);
}

/// A proxy in a thread of its own, and what stands behind it.
class Forwarding {
 public:
  Forwarding() : Forwarding(Listener()) {}

  ~Forwarding() { Stop(); }

  Socket Client() const { return ConnectTo(port_); }
  /// The server's end of the connection that a client made first.
  Socket Served() const {
    REQUIRE(SomebodyComes(10'000));
    return Socket(::accept4(server_.Get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  bool SomebodyComes(int milliseconds) const {
    pollfd waited{server_.Get(), POLLIN, 0};
    return ::poll(&waited, 1, milliseconds) == 1;
  }
  /// From here on the target refuses.
  void NobodyListens() { server_.Reset(); }
  void ListenAgain() {
    auto fd = ListenTcp(target_);
    REQUIRE(fd);
    server_ = std::move(*fd);
  }
  std::vector<std::string> Failures() const {
    const std::scoped_lock lock(mutex_);
    return failures_;
  }
  const TcpAddress& Target() const { return target_; }

  void Stop() {
    if (!thread_.joinable()) return;
    stop_[1].Reset();  // its end is readable
    thread_.join();
    CHECK(ended_well_);
  }

 private:
  explicit Forwarding(UniqueFd server) : server_(std::move(server)) {
    target_ = {"127.0.0.1", PortOfListener(server_.Get()).value()};
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    stop_[0] = UniqueFd(ends[0]);
    stop_[1] = UniqueFd(ends[1]);
    UniqueFd listener = Listener();
    port_ = PortOfListener(listener.Get()).value();
    proxy_ = std::make_unique<TcpProxy>(
        std::move(listener), AddressText(target_), [this] { return BeginConnect(target_); },
        [this](const Error& error) {
          const std::scoped_lock lock(mutex_);
          failures_.push_back(error.message);
        });
    thread_ = std::thread([this] { ended_well_ = proxy_->RunUntil(stop_[0].Get()).has_value(); });
  }

  UniqueFd server_;
  TcpAddress target_;
  std::array<UniqueFd, 2> stop_;
  uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> failures_;
  std::unique_ptr<TcpProxy> proxy_;
  bool ended_well_ = false;
  std::thread thread_;
};

/// Bytes of which any two that stand in wrong places differ.
std::string Pattern(size_t size, unsigned seed) {
  std::string text(size, '\0');
  uint32_t state = seed * 2654435761U + 1;
  for (char& byte : text) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<char>(state >> 24U);
  }
  return text;
}

TEST_CASE("what one end says, the other hears") {
  const Forwarding forwarding;
  const Socket client = forwarding.Client();
  const Socket server = forwarding.Served();
  REQUIRE(client.Send("question"));
  CHECK(server.Receive(8) == "question");
  REQUIRE(server.Send("answer"));
  CHECK(client.Receive(6) == "answer");
  // The server may speak first, and there may be several connections; each is its own.
  const Socket second = forwarding.Client();
  const Socket second_server = forwarding.Served();
  REQUIRE(second_server.Send("hello"));
  CHECK(second.Receive(5) == "hello");
  REQUIRE(client.Send("more"));
  CHECK(server.Receive(4) == "more");
  CHECK_FALSE(second_server.SomethingWithin(0));
  CHECK(forwarding.Failures().empty());
}

TEST_CASE("the end of one direction is passed on, and the other goes on") {
  const Forwarding forwarding;
  const Socket client = forwarding.Client();
  Socket server = forwarding.Served();
  REQUIRE(client.Send("all of it"));
  client.EndSending();
  CHECK(server.Receive(100) == "all of it");  // up to its end
  REQUIRE(server.Send(Pattern(300'000, 1)));
  CHECK(client.Receive(300'000) == Pattern(300'000, 1));
  CHECK_FALSE(client.SomethingWithin(50));
  server.Close();
  CHECK(client.Ended());

  // The same from the server's side.
  const Socket other = forwarding.Client();
  const Socket other_server = forwarding.Served();
  other_server.EndSending();
  CHECK(other.Ended());
  REQUIRE(other.Send("still here"));
  other.EndSending();
  CHECK(other_server.Receive(100) == "still here");
}

TEST_CASE("many bytes both ways at once arrive whole and in order") {
  constexpr size_t kBytes = size_t{16} << 20U;
  const Forwarding forwarding;
  const Socket client = forwarding.Client();
  const Socket server = forwarding.Served();
  const std::string up = Pattern(kBytes, 1);
  const std::string down = Pattern(kBytes, 2);
  bool sent_up = false;
  bool sent_down = false;
  std::string got_up;
  std::thread sending_up([&] { sent_up = client.Send(up); });
  std::thread sending_down([&] { sent_down = server.Send(down); });
  std::thread receiving_up([&] { got_up = server.Receive(kBytes); });
  const std::string got_down = client.Receive(kBytes);
  for (std::thread* thread : {&sending_up, &sending_down, &receiving_up}) thread->join();
  CHECK(sent_up);
  CHECK(sent_down);
  CHECK((got_up == up));  // not printed when they differ
  CHECK((got_down == down));
}

TEST_CASE("who does not read slows its writer down, and nobody else") {
  constexpr size_t kTooMuch = size_t{64} << 20U;  // far more than the kernel's buffers and the proxy's
  const Forwarding forwarding;
  const Socket client = forwarding.Client();
  const Socket server = forwarding.Served();
  const std::string piece = Pattern(1 << 16, 3);
  size_t sent = 0;
  pollfd waited{client.Fd(), POLLOUT, 0};
  while (sent < kTooMuch && ::poll(&waited, 1, 300) == 1) {
    const ssize_t count = ::send(client.Fd(), piece.data() + sent % piece.size(),
                                 piece.size() - sent % piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) sent += static_cast<size_t>(count);
  }
  CHECK(sent < kTooMuch);
  // The other direction is free, and so are other connections.
  REQUIRE(server.Send("free"));
  CHECK(client.Receive(4) == "free");
  const Socket other = forwarding.Client();
  const Socket other_server = forwarding.Served();
  REQUIRE(other.Send("free"));
  CHECK(other_server.Receive(4) == "free");
  // And nothing was lost meanwhile.
  client.EndSending();
  const std::string all = server.Receive(kTooMuch);
  REQUIRE(all.size() == sent);
  bool same = true;
  for (size_t at = 0; at < sent; at += piece.size()) {
    same = same && all.compare(at, piece.size(), piece, 0, std::min(piece.size(), sent - at)) == 0;
  }
  CHECK(same);
}

TEST_CASE("a target that refuses is told, closes the client's connection, and is tried again for the next") {
  Forwarding forwarding;
  forwarding.NobodyListens();
  const Socket client = forwarding.Client();
  CHECK(client.Ended());
  const std::vector<std::string> failures = forwarding.Failures();
  REQUIRE(failures.size() == 1);
  CHECK_THAT(failures[0], Contains("cannot connect to " + AddressText(forwarding.Target())));
  CHECK_THAT(failures[0], Contains("refused"));

  forwarding.ListenAgain();
  const Socket next = forwarding.Client();
  const Socket server = forwarding.Served();
  REQUIRE(next.Send("now"));
  CHECK(server.Receive(3) == "now");
  CHECK(forwarding.Failures().size() == 1);
}

TEST_CASE("an end that is gone takes its connection along and no other") {
  const Forwarding forwarding;
  const Socket steady = forwarding.Client();
  const Socket steady_server = forwarding.Served();
  {
    INFO("the client closes");
    Socket client = forwarding.Client();
    const Socket server = forwarding.Served();
    client.Close();
    CHECK(server.Ended());
  }
  {
    INFO("the client is reset, with bytes on their way to it");
    Socket client = forwarding.Client();
    const Socket server = forwarding.Served();
    REQUIRE(server.Send(Pattern(100'000, 4)));
    REQUIRE(client.Receive(1).size() == 1);
    client.Break();
    CHECK(server.Ended());
  }
  {
    INFO("the server is reset");
    const Socket client = forwarding.Client();
    Socket server = forwarding.Served();
    REQUIRE(client.Send("x"));
    REQUIRE(server.Receive(1) == "x");
    server.Break();
    CHECK(client.Ended());
  }
  {
    INFO("the client leaves before the server has taken the connection");
    forwarding.Client().Break();
    const Socket server = forwarding.Served();
    CHECK(server.Ended());
  }
  REQUIRE(steady.Send("still"));
  CHECK(steady_server.Receive(5) == "still");
}

TEST_CASE("being stopped closes all connections, and the listener with the proxy") {
  auto forwarding = std::make_unique<Forwarding>();
  const Socket client = forwarding->Client();
  const Socket server = forwarding->Served();
  forwarding->Stop();
  CHECK(client.Ended());
  CHECK(server.Ended());
}

TEST_CASE("beyond the limit a connection waits until another has ended") {
  // Two descriptors here and two in the proxy for each.
  rlimit files{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
  const rlim_t wanted = kMaxProxyConnections * 4 + 100;
  if (files.rlim_max < wanted) {
    WARN("skipped: needs " << wanted << " descriptors");
    return;
  }
  const rlimit more{std::max(files.rlim_cur, wanted), files.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &more) == 0);
  {
    const Forwarding forwarding;
    std::vector<std::pair<Socket, Socket>> pairs;
    for (size_t i = 0; i < kMaxProxyConnections; ++i) {
      Socket client = forwarding.Client();
      pairs.emplace_back(std::move(client), forwarding.Served());
    }
    const Socket waiting = forwarding.Client();  // the kernel's queue takes it
    REQUIRE(waiting.Send("patience"));
    REQUIRE(pairs.back().first.Send("x"));
    CHECK(pairs.back().second.Receive(1) == "x");
    CHECK_FALSE(forwarding.SomebodyComes(50));
    pairs.front().first.Close();
    pairs.front().second.Close();
    const Socket server = forwarding.Served();
    CHECK(server.Receive(8) == "patience");
  }
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &files) == 0);
}

TEST_CASE("listening: a free port, one that is taken, and what is no address") {
  const UniqueFd first = Listener();
  const uint16_t port = PortOfListener(first.Get()).value();
  CHECK(port != 0);
  const auto taken = ListenTcp({"127.0.0.1", port});
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code == ErrorCode::kInUse);
  CHECK(taken.error().message ==
        "cannot listen on 127.0.0.1:" + std::to_string(port) + ": the port is in use");
  CHECK_THAT(taken.error().hint, Contains("0 takes a free one"));
  for (const char* host : {"localhost", "", "300.1.1.1", "192.0.2.1"}) {  // the last is nobody's (RFC 5737)
    INFO(host);
    const auto none = ListenTcp({host, 0});
    REQUIRE_FALSE(none);
    CHECK(none.error().code == ErrorCode::kInvalidArgument);
  }
  CHECK(AddressText({"::1", 5432}) == "[::1]:5432");
}

}  // namespace
}  // namespace spawnd::client
