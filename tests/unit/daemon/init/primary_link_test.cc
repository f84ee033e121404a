/// The one server that a container reaches: real programs in a network of their own, under the filter of a
/// standby's, that try to reach others by it. Needs root, as keepers do, and perl, which every Debian has.
#include "daemon/init/primary_link.h"

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

uint16_t PortOf(int socket) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

UniqueFd Bound(int type) {
  UniqueFd socket(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::bind(socket.Get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  if (type == SOCK_STREAM) ::listen(socket.Get(), 20);
  return socket;
}

/// Says "primary" to whoever connects, until the listening socket is shut down.
std::thread Answering(int listener) {
  return std::thread([listener] {
    while (true) {
      const UniqueFd client(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
      if (!client.Valid()) return;
      static_cast<void>(WriteAll(client.Get(), "primary\n"));
      // Until the other one goes, so that what he does with his end meets a connection.
      std::string rest(16, '\0');
      while (::read(client.Get(), rest.data(), rest.size()) > 0) {
      }
    }
  });
}

/// Runs a script of perl's ($primary and $other are ports) in an empty network, and returns what it prints.
std::string Inside(const std::string& script, uint16_t primary, uint16_t other,
                   const std::vector<std::string>& addresses = {"127.0.0.1"}) {
  return testing::InChild([=]() -> std::string {
    auto sockets = MakeSocketPair(SOCK_SEQPACKET);
    auto output = MakePipe();
    if (!sockets || !output) return "no descriptors";
    // Its thread stays in the host's network; this one leaves it, for its child to be elsewhere.
    const auto link = PrimaryLink::Start(addresses, primary, std::move(sockets->ours));
    if (!link) return link.error().message;
    if (::unshare(CLONE_NEWNET) != 0 || !BringUpLoopback()) return "no network";
    const auto filter = EngineSystemCalls(Asks::kConnect);
    if (!filter) return filter.error().message;
    SpawnOptions options;
    options.argv = {"/usr/bin/perl", "-e",
                    "use strict; use Socket; $| = 1; my ($primary, $other) = @ARGV; "
                    "sub tcp { socket(my $s, shift // PF_INET, SOCK_STREAM, 0) or die; $s } "
                    "sub to { sockaddr_in($_[1], inet_aton($_[0])) } "
                    "sub hear { my $line = readline($_[0]); defined $line ? $line : \"nothing\\n\" } " +
                        script,
                    std::to_string(primary), std::to_string(other)};
    options.stdout_fd = output->write_end.Get();
    options.stderr_fd = output->write_end.Get();
    options.no_new_privileges = true;
    options.no_capabilities = true;
    options.system_call_filter = *filter;
    options.filter_listener_socket = sockets->theirs.Get();
    const auto pid = Spawn(options);
    if (!pid) return pid.error().message;
    output->write_end.Reset();
    std::string said;
    std::string part(512, '\0');
    for (ssize_t n = 0; (n = ::read(output->read_end.Get(), part.data(), part.size())) > 0;) {
      said.append(part, 0, static_cast<size_t>(n));
    }
    return said + std::to_string(WaitForExit(*pid));
  });
}

bool CannotRunHere() {
  if (::geteuid() == 0 && ::access("/usr/bin/perl", X_OK) == 0) return false;
  WARN("skipped: a network of its own needs root, the program perl");
  return true;
}

class Servers {
 public:
  Servers() : answers_(Answering(primary_.Get())) {}
  ~Servers() {
    ::shutdown(primary_.Get(), SHUT_RDWR);
    answers_.join();
  }
  std::string Run(const std::string& script,
                  const std::vector<std::string>& addresses = {"127.0.0.1"}) const {
    return Inside(script, PortOf(primary_.Get()), PortOf(other_.Get()), addresses);
  }
  /// Whether somebody has come to the host's other service.
  bool OtherWasReached() const {
    ::fcntl(other_.Get(), F_SETFL, O_NONBLOCK);
    return UniqueFd(::accept(other_.Get(), nullptr, nullptr)).Valid();
  }

 private:
  UniqueFd primary_ = Bound(SOCK_STREAM);
  UniqueFd other_ = Bound(SOCK_STREAM);
  std::thread answers_;
};

TEST_CASE("whoever asks for the primary's port gets the primary, whatever the address") {
  if (CannotRunHere()) return;
  const Servers servers;
  CHECK(servers.Run("my $s = tcp; connect($s, to('127.0.0.1', $primary)) or die $!; print hear($s);") ==
        "primary\n0");
  CHECK(servers.Run("my $s = tcp; connect($s, to('198.51.100.7', $primary)) or die $!; print hear($s);") ==
        "primary\n0");
  CHECK(servers.Run("my $s = tcp(PF_INET6); connect($s, Socket::pack_sockaddr_in6($primary, "
                    "Socket::inet_pton(AF_INET6, '::1'))) or "
                    "die $!; print hear($s);") == "primary\n0");
}

TEST_CASE("a program that does not block, and one that another one has started, get it too") {
  if (CannotRunHere()) return;
  const Servers servers;
  CHECK(servers.Run(
            "use Fcntl; my $s = tcp; fcntl($s, F_SETFL, O_NONBLOCK); connect($s, to('127.0.0.1', $primary)) "
            "or $!{EINPROGRESS} or die $!; my $r = ''; vec($r, fileno($s), 1) = 1; select($r, undef, undef, "
            "5); "
            "print hear($s);") == "primary\n0");
  CHECK(
      servers.Run("if (my $pid = fork) { waitpid($pid, 0) } else { my $s = tcp; connect($s, to('127.0.0.1', "
                  "$primary)) or die $!; print hear($s) }") == "primary\n0");
}

TEST_CASE("everything else stays inside: another port, another kind of socket") {
  if (CannotRunHere()) return;
  const Servers servers;
  const std::string other = servers.Run(
      "my $s = tcp; print connect($s, to('127.0.0.1', $other)) ? \"ESCAPED\\n\" : \"$!\\n\";"
      "my $t = tcp; print connect($t, to('198.51.100.7', $other)) ? \"ESCAPED\\n\" : \"$!\\n\";");
  CHECK(other == "Connection refused\nNetwork is unreachable\n0");
  const std::string datagram = servers.Run(
      "socket(my $u, PF_INET, SOCK_DGRAM, 0); connect($u, to('127.0.0.1', $primary)) or die $!; send($u, "
      "'x', 0); "
      "print defined send($u, 'x', 0) ? \"sent\\n\" : \"$!\\n\";"
      "socket(my $v, PF_INET, SOCK_DGRAM, 0); print connect($v, to('198.51.100.7', $primary)) ? "
      "\"ESCAPED\\n\" : \"$!\\n\";");
  CHECK(datagram == "Connection refused\nNetwork is unreachable\n0");
  CHECK_FALSE(servers.OtherWasReached());
}

TEST_CASE("the connection is of no use for anything else") {
  if (CannotRunHere()) return;
  const Servers servers;
  // Disconnected, it is asked for the primary's port again: a new one. For another port the kernel takes the
  // host's socket, whose filter hears nobody.
  const std::string said = servers.Run(
      "my $s = tcp; connect($s, to('127.0.0.1', $primary)) or die $!; print hear($s);"
      "print 'device ', unpack('Z*', getsockopt($s, SOL_SOCKET, 25)), \"\\n\";"
      "print \"OFF ITS DEVICE\\n\" if setsockopt($s, SOL_SOCKET, 25, pack('x4'));"
      "print \"WITHOUT FILTER\\n\" if setsockopt($s, SOL_SOCKET, 27, pack('x4'));"
      "connect($s, pack('S x14', 0)) or print \"no disconnect: $!\\n\";"
      "$SIG{ALRM} = sub { print \"blocked\\n\"; exit 0 }; alarm 2;"
      "print connect($s, to('127.0.0.1', $other)) ? \"ESCAPED\\n\" : \"blocked: $!\\n\";");
  INFO(said);
  CHECK(said.find("primary\ndevice lo\n") == 0);
  CHECK(said.find("blocked") != std::string::npos);
  CHECK(said.find("ESCAPED") == std::string::npos);
  CHECK(said.find("OFF ITS DEVICE") == std::string::npos);
  CHECK(said.find("WITHOUT FILTER") == std::string::npos);
  CHECK_FALSE(servers.OtherWasReached());
}

TEST_CASE("of several addresses the first that answers is taken, and of none the program hears why") {
  if (CannotRunHere()) return;
  const Servers servers;
  CHECK(servers.Run("my $s = tcp; connect($s, to('127.0.0.1', $primary)) or die $!; print hear($s);",
                    {"::1", "127.0.0.1"}) == "primary\n0");
  CHECK(servers.Run("my $s = tcp; print connect($s, to('127.0.0.1', $primary)) ? \"ESCAPED\\n\" : \"$!\\n\";",
                    {"::1"}) == "Connection refused\n0");
}

TEST_CASE("what is no address is none of a primary's") {
  CHECK_FALSE(PrimaryLink::Start({"localhost"}, 5432, UniqueFd()));
}

}  // namespace
}  // namespace spawnd::daemon
