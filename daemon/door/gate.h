/// Which of the sockets that listen on one address and port gets its new connections: a table in the kernel
/// with two places for each address, the door's own socket and the engine's, and a program of a few
/// instructions that takes the second where there is one and else the first. A socket that is in neither
/// place gets nothing: that is how a spare waits. docs/adr/0011-a-port-has-a-door.md has more.
///
/// The kernel itself empties a place when its socket closes, and what was in that socket's queue goes where
/// new connections go (since Linux 5.14). The table lives as long as a socket of its groups does.
///
/// Safe from any thread. Raw bpf(2): CAP_SYS_ADMIN, or CAP_BPF and CAP_NET_ADMIN.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {

class Gate {
 public:
  /// For `addresses` of them. kUnsupported where the kernel or the service does not allow bpf(2).
  static Result<Gate> Make(size_t addresses);
  /// One that somebody else has made.
  explicit Gate(UniqueFd map) : map_(std::move(map)) {}

  /// Gives the group of `door` its program. Before it listens.
  Result<void> Attach(size_t address, int door) const;
  /// Puts a door that listens into its place.
  Result<void> PutDoor(size_t address, int door) const;
  /// From here on new connections are those of `engine`, which listens: in one step, also when there is
  /// another one in the place. kUnavailable: it does not listen yet.
  Result<void> Open(size_t address, int engine) const;
  /// From here on new connections wait at the door. With `engine` only if that is who gets them now.
  void Shut(size_t address) const;
  void Shut(size_t address, int engine) const;
  /// Some engine gets the new connections.
  bool IsOpen(size_t address) const;

  int Descriptor() const { return map_.Get(); }

 private:
  UniqueFd map_;
};

/// Whether this kernel and this service let gates be made. kUnsupported, with what to do about it.
Result<void> CheckGates();

}  // namespace spawnd::daemon
