/// Forwards TCP connections from a listening socket to one address, many at once, in one poll loop. For
/// spawnctl's single thread. Each direction has a buffer of its own, and is read only while that has room, so
/// that a slow reader slows its writer down; the end of one direction is passed on while the other goes on.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::client {

/// More connections than that wait in the listener's queue.
inline constexpr size_t kMaxProxyConnections = 400;

struct TcpAddress {
  std::string host;  ///< a literal IPv4 or IPv6 address
  uint16_t port = 0;
};

/// "127.0.0.1:5432", "[::1]:5432"
std::string AddressText(const TcpAddress& address);

/// A listening socket; port 0 takes a free one. Errors: kInUse when the port is taken, kForbidden,
/// kInvalidArgument when `host` is no address of this machine.
Result<UniqueFd> ListenTcp(const TcpAddress& address);
/// Where a listening socket really listens.
Result<uint16_t> PortOfListener(int fd);

/// Begins a connection to `address`: a non-blocking socket that is connected, or becoming so.
Result<UniqueFd> BeginConnect(const TcpAddress& address);

class TcpProxy {
 public:
  /// Makes one connection to where all of them go: a socket, as BeginConnect.
  using Dial = std::function<Result<UniqueFd>()>;

  /// `target` is for messages. `on_failure` is told of every connection that could not be made to it.
  TcpProxy(UniqueFd listener, std::string target, Dial dial, std::function<void(const Error&)> on_failure);
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;
  ~TcpProxy();

  /// Forwards until `stop_fd` is readable; then all connections are closed.
  Result<void> RunUntil(int stop_fd);

 private:
  class Connection;

  /// Takes the waiting connections. False: out of descriptors or memory, try again later.
  bool Accept();

  UniqueFd listener_;
  std::string target_;
  Dial dial_;
  std::function<void(const Error&)> on_failure_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace spawnd::client
