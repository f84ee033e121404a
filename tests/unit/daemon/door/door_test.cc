/// Doors, gates and passages with real sockets: who gets a connection, and what becomes of it. Needs root, as
/// keepers do.
#include "daemon/door/door.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "daemon/door/address.h"
#include "daemon/door/passage.h"
#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

using namespace std::chrono_literals;

/// Where the kernel's own choice of a port does not reach.
constexpr uint16_t kFirstPort = 19300;

engines::Endpoint SomeEndpoint() {
  static uint16_t next = static_cast<uint16_t>(kFirstPort + ::getpid() % 500);
  return {"127.0.0.1", next++};
}

/// As the keeper makes it for the engine.
UniqueFd Engine(const engines::Endpoint& endpoint, const std::string& host = "127.0.0.1") {
  UniqueFd socket;
  REQUIRE(BindHere(*AddressOf(host, endpoint.port), Sharing::kWithDoor, false, socket) == 0);
  REQUIRE(LockFilter(socket.Get()) == 0);
  REQUIRE(::listen(socket.Get(), 8) == 0);
  return socket;
}

UniqueFd Connect(const engines::Endpoint& endpoint, const std::string& host = "127.0.0.1") {
  const auto address = AddressOf(host, endpoint.port);
  UniqueFd client(::socket(address->socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(client.Get(), &address->socket.any, address->length) == 0);
  return client;
}

bool HasVisitor(int listening) {
  for (int i = 0; i < 20; ++i) {
    if (UniqueFd(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC)).Valid()) return true;
    std::this_thread::sleep_for(1ms);
  }
  return false;
}

/// Accepts one, and answers what it says.
std::string Serve(int listening, const std::string& answer) {
  UniqueFd socket;
  for (int i = 0; i < 1000 && !socket.Valid(); ++i) {
    socket.Reset(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket.Valid()) std::this_thread::sleep_for(1ms);
  }
  if (!socket.Valid()) return "nobody came";
  std::string heard(64, '\0');
  const ssize_t n = ::read(socket.Get(), heard.data(), heard.size());
  heard.resize(n > 0 ? static_cast<size_t>(n) : 0);
  REQUIRE(::write(socket.Get(), answer.data(), answer.size()) == static_cast<ssize_t>(answer.size()));
  return heard;
}

TEST_CASE("door: clients come to the engine in the gate, else to the door; another engine gets none") {
  const engines::Endpoint endpoint = SomeEndpoint();
  const auto door = Door::Open(endpoint);
  REQUIRE(door);
  const UniqueFd first = Engine(endpoint);
  UniqueFd second = Engine(endpoint);
  CHECK(door->TheGate().Arrivals() == 0);
  UniqueFd client = Connect(endpoint);
  CHECK(HasVisitor(door->Socket(0)));
  CHECK(door->TheGate().Arrivals() == 1);
  REQUIRE(door->TheGate().Open(0, first.Get()));
  client = Connect(endpoint);
  CHECK(HasVisitor(first.Get()));
  CHECK(door->TheGate().Arrivals() == 2);
  // In one step from one to the other.
  REQUIRE(door->TheGate().Open(0, second.Get()));
  client = Connect(endpoint);
  CHECK(HasVisitor(second.Get()));
  // The first keeper shuts what is no longer its own.
  door->TheGate().Shut(0, first.Get());
  CHECK(door->TheGate().IsOpen(0));
  client = Connect(endpoint);
  second.Reset();
  CHECK_FALSE(door->TheGate().IsOpen(0));
  // Who was in its queue is at the door.
  CHECK(HasVisitor(door->Socket(0)));
  client = Connect(endpoint);
  CHECK(HasVisitor(door->Socket(0)));
}

TEST_CASE("door: the port is nobody else's, and the descriptors are a door wherever they are") {
  const engines::Endpoint endpoint = SomeEndpoint();
  auto door = Door::Open(endpoint);
  REQUIRE(door);
  const auto other = Door::Open({"127.0.0.1", endpoint.port});
  REQUIRE_FALSE(other);
  CHECK(other.error().code == ErrorCode::kInUse);
  UniqueFd alone;
  CHECK(BindHere(*AddressOf("127.0.0.1", endpoint.port), Sharing::kAlone, false, alone) == EADDRINUSE);
  std::vector<UniqueFd> copies;
  for (const int fd : door->Descriptors()) copies.emplace_back(::dup(fd));
  std::swap(copies.front(), copies.back());
  const auto again = Door::Of(endpoint, std::move(copies));
  REQUIRE(again);
  const UniqueFd engine = Engine(endpoint);
  CHECK(again->TheGate().Open(0, engine.Get()));
  CHECK(door->TheGate().IsOpen(0));
  const auto missing = Door::Of(endpoint, {});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ErrorCode::kNotFound);
}

TEST_CASE("door: an engine cannot take the gate's program away for another one, nor its filter") {
  const engines::Endpoint endpoint = SomeEndpoint();
  const auto door = Door::Open(endpoint);
  REQUIRE(door);
  const UniqueFd engine = Engine(endpoint);
  const sock_filter take_all[] = {{BPF_RET | BPF_K, 0, 0, 0}};
  const sock_fprog program{1, const_cast<sock_filter*>(take_all)};
  CHECK(::setsockopt(engine.Get(), SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) == -1);
  CHECK(::setsockopt(engine.Get(), SOL_SOCKET, SO_DETACH_FILTER, nullptr, 0) == -1);
}

TEST_CASE("door: who has gathered is passed on to the engine, later ones are its own") {
  const engines::Endpoint endpoint = SomeEndpoint();
  auto door = Door::Open(endpoint);
  REQUIRE(door);
  std::vector<UniqueFd> copies;
  for (const int fd : door->TheGate().Descriptors()) copies.emplace_back(::dup(fd));
  const auto known = Gate::Of(std::move(copies));
  REQUIRE(known);
  const Gate& gate = *known;
  const auto passage = Passage::Start(std::move(*door), endpoint);
  REQUIRE(passage);
  const UniqueFd early = Connect(endpoint);
  REQUIRE(::write(early.Get(), "early", 5) == 5);
  // Not listening when the gate is to open, as a server may be that opens its sockets one by one.
  UniqueFd engine;
  REQUIRE(BindHere(*AddressOf("127.0.0.1", endpoint.port), Sharing::kWithDoor, false, engine) == 0);
  (*passage)->EngineBound(0, UniqueFd(::dup(engine.Get())));
  (*passage)->Open();
  CHECK_FALSE(gate.IsOpen(0));
  REQUIRE(::listen(engine.Get(), 8) == 0);
  CHECK(Serve(engine.Get(), "answer") == "early");
  std::string heard(64, '\0');
  CHECK(::read(early.Get(), heard.data(), heard.size()) == 6);
  CHECK(::read(early.Get(), heard.data(), heard.size()) == 0);  // the server's end is passed on, too
  CHECK(gate.IsOpen(0));
  const UniqueFd late = Connect(endpoint);
  CHECK((*passage)->Waiting() == 1);
  CHECK(HasVisitor(engine.Get()));
  (*passage)->Shut();
  CHECK_FALSE(gate.IsOpen(0));
  const UniqueFd waiting = Connect(endpoint);
  CHECK((*passage)->Waiting() == 0);
  CHECK_FALSE(HasVisitor(engine.Get()));
}

TEST_CASE("door: an address of which the engine knows nothing is passed on to another") {
  engines::Endpoint endpoint = SomeEndpoint();
  endpoint.also = {"127.0.0.2"};
  auto door = Door::Open(endpoint);
  REQUIRE(door);
  CHECK(door->Addresses() == 2);
  const auto passage = Passage::Start(std::move(*door), endpoint);
  REQUIRE(passage);
  const UniqueFd engine = Engine(endpoint);
  (*passage)->EngineBound(0, UniqueFd(::dup(engine.Get())));
  (*passage)->Open();
  const UniqueFd client = Connect(endpoint, "127.0.0.2");
  REQUIRE(::write(client.Get(), "from afar", 9) == 9);
  CHECK(Serve(engine.Get(), "answer") == "from afar");
}

TEST_CASE("door: addresses in words") {
  CHECK(TextOf(AddressOf("0:0::1", 1)->socket) == "::1");
  CHECK_FALSE(AddressOf("localhost", 1));
  CHECK(IsAny(AddressOf("::", 1)->socket));
  CHECK(TextOf(ReachedAt(*AddressOf("0.0.0.0", 1)).socket) == "127.0.0.1");
}

}  // namespace
}  // namespace spawnd::daemon
