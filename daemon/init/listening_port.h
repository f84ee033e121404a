/// Where a container is reached: its engine listens on an address of the host although its own network has
/// none.
///
/// The engine's bind() is held up by its filter of system calls and answered here, in the keeper, which is in
/// the host's network: for the container's own port it makes the socket, binds it to the host's address and
/// puts it in the place of the engine's. Everything else binds as it asked, in its own network. Nothing of
/// this is in the path of a byte: the engine accepts on the host's socket itself.
/// docs/adr/0005-the-port-is-put-in-place.md has more.
///
/// That socket and those accepted on it are the host's, and whoever runs code in the engine has them. So that
/// none of them is turned into a way out (disconnected, it could be connected to anything, or listen
/// anywhere), it carries a filter that accepted sockets inherit and nobody can take off: only what comes to
/// the container's own address and port arrives, and never the answer to an attempt to connect.
///
/// One thread of its own, from Start to the end of the object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/door/address.h"
#include "engines/parts.h"

struct seccomp_notif;

namespace spawnd::daemon {

struct AskedSocket;

class ListeningPort {
 public:
  /// `filters` is a socket on which the descriptor of each filter's listener arrives
  /// (SpawnOptions::filter_listener_socket).
  /// `bound` gets a copy of each socket that was put in place, with the number of its address (AddressesOf);
  /// from the thread. None: there is no door, and the port is the engine's alone.
  using Bound = std::function<void(size_t address, UniqueFd socket)>;
  static Result<std::unique_ptr<ListeningPort>> Start(const engines::Endpoint& endpoint, UniqueFd filters,
                                                      Bound bound = {});
  ListeningPort(const ListeningPort&) = delete;
  ListeningPort& operator=(const ListeningPort&) = delete;
  ~ListeningPort();

 private:
  ListeningPort(const engines::Endpoint& endpoint, UniqueFd filters, UniqueFd stop, Bound bound);
  void Run();
  void Answer(int listener) const;
  size_t PlaceOf(const SocketAddress& asked) const;
  int PutInPlace(int listener, const seccomp_notif& question, const AskedSocket& asked, size_t place) const;

  const uint16_t port_;
  std::vector<HostAddress> addresses_;
  UniqueFd filters_;
  UniqueFd stop_;  ///< an eventfd
  const Bound bound_;
  std::thread thread_;
};

}  // namespace spawnd::daemon
