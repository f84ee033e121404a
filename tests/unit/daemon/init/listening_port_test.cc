/// The port that is put in a server's hands: a real server in a network of its own, real clients outside it.
/// Needs root, as keepers do, and perl, which every Debian has.
#include "daemon/init/listening_port.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "base/descriptors.h"
#include "base/process.h"
#include "daemon/init/network.h"
#include "daemon/init/system_calls.h"
#include "tests/support/catch.h"
#include "tests/support/in_child.h"

namespace spawnd::daemon {
namespace {

/// The server: listens where it is told, says so, and answers each client with what `$reply` makes of it.
constexpr const char* kServer = R"(use strict; use Socket; $| = 1;
my ($port, $host_port) = @ARGV;
sub listening { my ($port, $address) = @_;
  socket(my $s, PF_INET, SOCK_STREAM, 0) or die; setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
  bind($s, sockaddr_in($port, inet_aton($address))) or return; listen($s, 5) or die; return $s; }
# Another port stays inside, and so does a socket of another kind.
my $inside = listening($host_port, "127.0.0.1") or die "inside: $!";
socket(my $udp, PF_INET, SOCK_DGRAM, 0); bind($udp, sockaddr_in($port, INADDR_LOOPBACK)) or die "udp: $!";
my $server = listening($port, "0.0.0.0") or do { print "cannot bind: $!\n"; exit 3 };
accept(my $client, $server) or die;
my $message = "from inside\n"; syswrite($client, $message);
# A way out: the client's socket is the host's. Disconnected it can be connected to something else.
connect($client, pack("S x14", 0)) or die "disconnect: $!";
# Nor does the first packet of an attempt leave the machine, with data in it (SO_BINDTODEVICE is 25).
print "device ", unpack("Z*", getsockopt($client, SOL_SOCKET, 25)), "\n";
print "OFF ITS DEVICE\n" if setsockopt($client, SOL_SOCKET, 25, pack("x4"));
$SIG{ALRM} = sub { print "blocked\n"; exit 0 }; alarm 2;
if (connect($client, sockaddr_in($host_port, INADDR_LOOPBACK))) { print "ESCAPED\n" } else { print "blocked: $!\n" }
)";

uint16_t PortOf(int socket) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

/// A socket of the host's that listens on a port of its own.
UniqueFd Listen() {
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::bind(socket.Get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  ::listen(socket.Get(), 5);
  return socket;
}

std::string AskUntilAnswered(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int attempt = 0; attempt < 500; ++attempt) {
    const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(client.Get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
      std::string text(64, '\0');
      const ssize_t n = ::read(client.Get(), text.data(), text.size());
      text.resize(n > 0 ? static_cast<size_t>(n) : 0);
      return text;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return "nobody answers\n";
}

/// Starts the server on `port` in a network of its own and returns what it prints, after what a client heard.
std::string Serve(uint16_t port, uint16_t host_port, bool with_client) {
  return testing::InChild([=]() -> std::string {
    auto sockets = MakeSocketPair(SOCK_SEQPACKET);
    auto output = MakePipe();
    if (!sockets || !output) return "no descriptors";
    const UniqueFd host(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    // Its thread stays in the host's network; this one leaves it, for its child to be elsewhere.
    const auto listening = ListeningPort::Start({"127.0.0.1", port}, std::move(sockets->ours));
    if (!listening) return listening.error().message;
    if (::unshare(CLONE_NEWNET) != 0 || !BringUpLoopback()) return "no network";
    const auto filter = EngineSystemCalls(Asks::kBind);
    if (!filter) return filter.error().message;
    SpawnOptions options;
    options.argv = {"/usr/bin/perl", "-e", kServer, std::to_string(port), std::to_string(host_port)};
    options.stdout_fd = output->write_end.Get();
    options.stderr_fd = output->write_end.Get();
    options.no_new_privileges = true;
    options.no_capabilities = true;
    options.system_call_filter = *filter;
    options.filter_listener_socket = sockets->theirs.Get();
    const auto pid = Spawn(options);
    if (!pid) return pid.error().message;
    output->write_end.Reset();
    ::setns(host.Get(), CLONE_NEWNET);
    std::string said = with_client ? AskUntilAnswered(port) : "";
    std::string part(512, '\0');
    for (ssize_t n = 0; (n = ::read(output->read_end.Get(), part.data(), part.size())) > 0;) {
      said.append(part, 0, static_cast<size_t>(n));
    }
    return said + std::to_string(WaitForExit(*pid));
  });
}

bool CannotRunHere() {
  if (::geteuid() == 0 && ::access("/usr/bin/perl", X_OK) == 0) return false;
  WARN("skipped: a network of its own needs root, the server perl");
  return true;
}

TEST_CASE("a server in an empty network is reached on the host, and reaches nothing itself") {
  if (CannotRunHere()) return;
  UniqueFd free_port = Listen();
  const uint16_t port = PortOf(free_port.Get());
  free_port.Reset();
  const UniqueFd host_service = Listen();
  const std::string said = Serve(port, PortOf(host_service.Get()), true);
  CHECK(said.find("from inside\n") == 0);
  CHECK(said.find("blocked") != std::string::npos);
  INFO(said);
  CHECK(said.find("ESCAPED") == std::string::npos);
  CHECK(said.find("device lo\n") != std::string::npos);
  CHECK(said.find("OFF ITS DEVICE") == std::string::npos);
  ::fcntl(host_service.Get(), F_SETFL, O_NONBLOCK);
  CHECK(::accept(host_service.Get(), nullptr, nullptr) == -1);
}

TEST_CASE("a port that is taken is the server's own error") {
  if (CannotRunHere()) return;
  const UniqueFd taken = Listen();
  CHECK(Serve(PortOf(taken.Get()), 1024, false) == "cannot bind: Address already in use\n3");
}

}  // namespace
}  // namespace spawnd::daemon
