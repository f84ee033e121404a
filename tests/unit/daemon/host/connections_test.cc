/// Who is connected, as the kernel says: of loopback of both kinds, by the ports that are asked for.
#include "daemon/host/connections.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "daemon/host/memory_use.h"
#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

constexpr uid_t kNobodys = 4'000'000'000;

struct Listener {
  explicit Listener(int family) : socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address.ss_family = static_cast<sa_family_t>(family);
    if (family == AF_INET) {
      reinterpret_cast<sockaddr_in&>(address).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else {
      reinterpret_cast<sockaddr_in6&>(address).sin6_addr = in6addr_loopback;
    }
    usable = ::bind(socket.Get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
             ::listen(socket.Get(), 8) == 0;
    socklen_t size = sizeof address;
    ::getsockname(socket.Get(), reinterpret_cast<sockaddr*>(&address), &size);
  }
  uint16_t Port() const { return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port); }
  UniqueFd Connect() const {
    UniqueFd client(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(client.Get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return client;
  }

  UniqueFd socket;
  sockaddr_storage address{};
  bool usable = false;
};

PortUse UseOf(uint16_t port, uid_t server_user = kNobodys) {
  auto ports = LookAtConnections(port, port, [server_user](uint16_t) { return server_user; });
  REQUIRE(ports);
  for (const auto& [other, use] : *ports) CHECK(other == port);
  return (*ports)[port];
}

TEST_CASE("connections: counted before anybody accepts them, and known to have been there") {
  for (const int family : {AF_INET, AF_INET6}) {
    const Listener listener(family);
    if (!listener.usable) continue;  // a machine without IPv6
    CHECK(UseOf(listener.Port()).connections == 0);
    UniqueFd one = listener.Connect();
    const UniqueFd other = listener.Connect();
    CHECK(UseOf(listener.Port()).connections == 2);
    CHECK_FALSE(UseOf(listener.Port()).left_before);
    // The client goes first, as they do.
    UniqueFd accepted(::accept(listener.socket.Get(), nullptr, nullptr));
    one.Reset();
    accepted.Reset();
    const PortUse use = UseOf(listener.Port());
    CHECK(use.connections == 1);
    REQUIRE(use.left_before);
    CHECK(*use.left_before < std::chrono::seconds(30));
    // What a server connects to itself is no client.
    CHECK(UseOf(listener.Port(), ::getuid()).connections == 0);
  }
}

TEST_CASE("connections: of other ports nothing is said") {
  const Listener listener(AF_INET);
  const UniqueFd client = listener.Connect();
  const auto next = static_cast<uint16_t>(listener.Port() + 1);
  const auto ports = LookAtConnections(next, next, [](uint16_t) { return kNobodys; });
  REQUIRE(ports);
  CHECK(ports->count(listener.Port()) == 0);
}

TEST_CASE("memory: of the users in question") {
  const uid_t own = ::getuid();
  CHECK(LookAtMemory(own, own).of_users.at(own) > 1'000'000);
  CHECK(LookAtMemory(kNobodys, kNobodys + 10).of_users.empty());
}

}  // namespace
}  // namespace spawnd::daemon
