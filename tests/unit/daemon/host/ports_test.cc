#include "daemon/host/ports.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

/// Listens on a port that the kernel chooses.
struct Listener {
  Listener() : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(fd.Get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(fd.Get(), 1) == 0);
    socklen_t length = sizeof address;
    REQUIRE(::getsockname(fd.Get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
    port = ntohs(address.sin_port);
  }
  UniqueFd fd;
  uint16_t port = 0;
};

TEST_CASE("ports: one that a server listens on is not given") {
  Listener busy;
  CHECK_FALSE(CanListen("127.0.0.1", busy.port));
  Ports ports("127.0.0.1", busy.port, busy.port);
  const auto none = ports.Reserve();
  REQUIRE_FALSE(none);
  CHECK(none.error().code == ErrorCode::kNoSpace);
  busy.fd.Reset();
  const auto port = ports.Reserve();
  REQUIRE(port);
  CHECK(*port == busy.port);
}

TEST_CASE("ports: reserved, claimed and released") {
  Listener somewhere;
  const uint16_t port = somewhere.port;
  somewhere.fd.Reset();
  Ports ports("127.0.0.1", port, port);
  ports.Claim(port);
  CHECK_FALSE(ports.Reserve());
  ports.Release(port);
  {
    auto reserved = ports.Reserve();
    REQUIRE(reserved);
    const PortLease lease(ports, *reserved);
    CHECK_FALSE(ports.Reserve());
  }
  auto again = ports.Reserve();
  REQUIRE(again);
  {
    PortLease kept(ports, *again);
    PortLease moved(std::move(kept));
    moved.Keep();
  }
  CHECK_FALSE(ports.Reserve());
}

TEST_CASE("ports: many at once are all different, up to the top of the range") {
  Ports ports("127.0.0.1", 65400, 65535);
  std::vector<std::vector<uint16_t>> got(4);
  std::vector<std::thread> threads;
  for (auto& mine : got) {
    threads.emplace_back([&ports, &mine] {
      for (int i = 0; i < 20; ++i) {
        if (const auto port = ports.Reserve()) mine.push_back(*port);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<uint16_t> all;
  for (const auto& mine : got) {
    CHECK(mine.size() == 20);
    all.insert(mine.begin(), mine.end());
  }
  CHECK(all.size() == 80);
  CHECK(*all.begin() >= 65400);
}

TEST_CASE("ports: a port just freed is not the next one given") {
  Ports ports("127.0.0.1", 65300, 65390);
  const auto first = ports.Reserve();
  REQUIRE(first);
  ports.Release(*first);
  const auto second = ports.Reserve();
  REQUIRE(second);
  CHECK(*second != *first);
}

TEST_CASE("ports: an address that is not this machine's is said to be none") {
  CHECK(HasAddress("127.0.0.1"));
  CHECK(HasAddress("0.0.0.0"));
  // TEST-NET-1 of RFC 5737, which nobody has.
  CHECK_FALSE(HasAddress("192.0.2.1"));
  Ports ports("192.0.2.1", 20000, 20010);
  const auto none = ports.Reserve();
  REQUIRE_FALSE(none);
  CHECK(none.error().code == ErrorCode::kNotReady);
  CHECK(none.error().message == "192.0.2.1 is no address of this machine");
  // Builds listen elsewhere.
  CHECK(ports.Await({}, "127.0.0.1"));
}

TEST_CASE("ports: one that is on its way back is waited for, and no other") {
  Listener somewhere;
  const uint16_t port = somewhere.port;
  somewhere.fd.Reset();
  Ports ports("127.0.0.1", port, port);
  ports.Claim(port);
  CHECK_FALSE(ports.SomeLeave());
  CHECK(ports.Await({}).error().code == ErrorCode::kNoSpace);
  ports.NoteLeaving(port);
  CHECK(ports.SomeLeave());
  std::jthread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    ports.Release(port);
  });
  CHECK(ports.Await({}) == port);
  CHECK_FALSE(ports.SomeLeave());
  ports.NoteLeaving(port);
  std::stop_source given_up;
  given_up.request_stop();
  CHECK(ports.Await(given_up.get_token()).error().code == ErrorCode::kNoSpace);
}

}  // namespace
}  // namespace spawnd::daemon
