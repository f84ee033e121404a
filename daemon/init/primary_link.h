/// The one server of the network that a container reaches: that which its standby follows. Its network is
/// empty all the same.
///
/// connect() is held up by the filter of system calls of everything that runs in the container, and answered
/// here, in the keeper, which is in the host's network. Whoever asks for a TCP connection to the server's
/// port, whatever the address, gets one to the server itself: it is made here and put in the place of his
/// socket. Everything else goes on as it was asked, in the container's own network, where there is nobody.
/// docs/adr/0014-a-standby-has-one-connection.md has more.
///
/// The connection is the host's, and whoever runs code in the container has it. So it carries a filter that
/// nobody can take off (KeepToPeer): disconnected, it is of no use.
///
/// One thread of its own, from Start to the end of the object. One connection is made at a time; who asks
/// meanwhile waits, and may be interrupted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/door/address.h"

struct seccomp_notif;

namespace spawnd::daemon {

class PrimaryLink {
 public:
  /// `addresses`: of the server, numeric; the first that answers is taken, each time. `filters` is a socket
  /// on which the descriptor of each filter's listener arrives (SpawnOptions::filter_listener_socket).
  /// Errors: kInvalidArgument for what is no address.
  static Result<std::unique_ptr<PrimaryLink>> Start(const std::vector<std::string>& addresses, uint16_t port,
                                                    UniqueFd filters);
  PrimaryLink(const PrimaryLink&) = delete;
  PrimaryLink& operator=(const PrimaryLink&) = delete;
  ~PrimaryLink();

 private:
  PrimaryLink(std::vector<HostAddress> addresses, uint16_t port, UniqueFd filters, UniqueFd stop);
  void Run();
  void TakeFilter();
  void Answer(int listener) const;
  int Connect(UniqueFd& socket) const;
  int ConnectTo(const HostAddress& address, UniqueFd& socket) const;
  int AwaitConnection(int socket) const;

  const std::vector<HostAddress> addresses_;
  const uint16_t port_;
  UniqueFd filters_;
  UniqueFd stop_;                      ///< an eventfd
  std::vector<UniqueFd> listeners_{};  ///< of the filters of programs that run
  std::thread thread_;
};

}  // namespace spawnd::daemon
