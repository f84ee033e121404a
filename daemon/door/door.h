/// The door of a container: the listening sockets of its addresses, which are there from its creation to its
/// deletion, whatever becomes of its engines, its keepers and the daemon. Whoever connects while no engine is
/// ready waits in their queues; while one is ready, the gate (gate.h) gives new connections to it directly.
///
/// A door is a handful of descriptors. The daemon has them, and so has the container's keeper; the kernel
/// keeps it open as long as one of the two, or systemd's store of descriptors, does. Never in the hands of
/// what runs in a container.
///
/// Immutable; safe from any thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/door/gate.h"
#include "engines/parts.h"

namespace spawnd::daemon {

class Door {
 public:
  /// Listens on all addresses of `endpoint`. kInUse: another program has the port on one of them.
  /// kUnsupported: as Gate::Make.
  static Result<Door> Open(const engines::Endpoint& endpoint);
  /// Of descriptors that somebody kept: the gate's and the sockets', in any order. What belongs to nothing
  /// of `endpoint` is closed. kNotFound when something is missing.
  static Result<Door> Of(const engines::Endpoint& endpoint, std::vector<UniqueFd> descriptors);

  /// As many as there are sockets. The first is Endpoint::host, then come those of Endpoint::also.
  size_t Addresses() const { return sockets_.size(); }
  int Socket(size_t address) const { return sockets_[address].Get(); }
  const Gate& TheGate() const { return gate_; }
  /// All of it, for Of: to be passed on, or kept.
  std::vector<int> Descriptors() const;

 private:
  Door(Gate gate, std::vector<UniqueFd> sockets) : gate_(std::move(gate)), sockets_(std::move(sockets)) {}

  Gate gate_;
  std::vector<UniqueFd> sockets_;
};

/// Those of Endpoint::host and Endpoint::also, in this order.
std::vector<std::string> AddressesOf(const engines::Endpoint& endpoint);

}  // namespace spawnd::daemon
