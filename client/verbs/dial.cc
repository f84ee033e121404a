/// dial-stdio: what spawnctl on another machine runs here through ssh. Connects its standard input and output
/// to the daemon, after it has received the files that the request speaks of, or to a data container.
#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "base/ancillary.h"
#include "client/http/daemon_client.h"
#include "client/http/endpoint.h"
#include "client/http/sent_files.h"
#include "client/http/stdio_relay.h"
#include "client/http/tcp_proxy.h"
#include "client/verbs/session.h"
#include "client/verbs/verbs.h"

namespace spawnd::client {
namespace {

/// "127.0.0.1:20001", "[::1]:20001"
Result<TcpAddress> ParseAddress(const std::string& text) {
  TcpAddress address;
  const size_t colon = text.rfind(':');
  address.host = text.substr(0, std::min(colon, text.size()));
  if (address.host.starts_with('[') && address.host.ends_with(']')) {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  const char* end = text.data() + text.size();
  const char* begin = text.data() + std::min(colon + 1, text.size());
  const auto [stop, error] = std::from_chars(begin, end, address.port);
  if (colon == std::string::npos || error != std::errc() || stop != end || address.port == 0) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is no address with a port", text.substr(0, 200)),
                "Write it as 127.0.0.1:20001.");
  }
  return address;
}

/// The first bytes of the request, with the files that go with them.
Result<void> SendFirst(int socket, const std::vector<int>& files) {
  std::array<char, 4096> buffer{};
  const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (n < 0) return FailErrno(errno, "cannot read standard input");
  if (n == 0) return {};
  iovec bytes{buffer.data(), static_cast<size_t>(n)};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxRequestDescriptors)> control{};
  message.msg_control = control.data();
  PutDescriptors(message, files);
  // A fresh socket has room for them.
  if (::sendmsg(socket, &message, MSG_NOSIGNAL) != n) return FailErrno(errno, "cannot send to spawnd");
  return {};
}

/// Until nobody holds the other end any more. What the daemon was asked for may end with this process.
void WaitForEnd(int input) {
  std::array<char, 4096> ignored{};
  while (true) {
    pollfd polled{input, POLLIN, 0};
    if (::poll(&polled, 1, -1) < 0 && errno != EINTR) return;
    const ssize_t n = ::read(input, ignored.data(), ignored.size());
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return;
  }
}

Result<int> DialStdio(const Invocation& invocation) {
  if (invocation.Has("--to")) {
    TRY_ASSIGN(const TcpAddress address, ParseAddress(invocation.Text("--to")));
    TRY_ASSIGN(const UniqueFd socket, BeginConnect(address));
    TRY(RelayStdio(STDIN_FILENO, STDOUT_FILENO, socket.Get()));
    return 0;
  }
  const std::string named = invocation.Text("--socket");
  TRY_ASSIGN(const Endpoint endpoint,
             ParseEndpoint(named.empty() ? std::string(kDefaultEndpoint) : "unix://" + named));
  const std::string kinds = invocation.Text("--files");
  if (kinds.size() > kMaxRequestDescriptors) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("there are more than {} files", kMaxRequestDescriptors));
  }
  // Before the files, which may be large.
  TRY_ASSIGN(const UniqueFd socket, ConnectUnix(endpoint.socket_path));
  ReceivedFiles files;
  TRY(files.Receive(STDIN_FILENO, kinds));
  if (!kinds.empty()) TRY(SendFirst(socket.Get(), files.Descriptors()));
  TRY(RelayStdio(STDIN_FILENO, STDOUT_FILENO, socket.Get()));
  if (invocation.Has("--hold")) WaitForEnd(STDIN_FILENO);
  return 0;
}

constexpr std::array<Flag, 4> kFlags{{
    {"--socket", "", "<path>", "the daemon's socket on this machine; default the usual one"},
    {"--files", "", "<kinds>", "receive files first, a letter each: f a file, d a folder"},
    {"--hold", "", "", "stay after the answer, until standard input ends"},
    {"--to", "", "<host:port>", "a data container in place of the daemon"},
}};

constexpr std::array<Command, 1> kRows{{
    {"dial-stdio", "", "", 0, 0, "Connect standard input and output to the daemon, for ssh:// endpoints", "",
     kFlags, DialStdio},
}};

}  // namespace

std::span<const Command> DialCommands() {
  return kRows;
}

}  // namespace spawnd::client
