/// A connection to a daemon, on this machine or through ssh. Over ssh the other end is `spawnctl dial-stdio`
/// there, as docker does it: it needs no port, no forwarding and no right but that of using the daemon. All
/// connections of a minute share one ssh connection (ControlMaster), so only the first takes its time. For
/// spawnctl's single thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "client/http/endpoint.h"
#include "client/http/tcp_proxy.h"

namespace spawnd::client {

class Connection {
 public:
  explicit Connection(UniqueFd fd, pid_t process = -1) : fd_(std::move(fd)), process_(process) {}
  Connection(Connection&& other) noexcept
      : fd_(std::move(other.fd_)), process_(std::exchange(other.process_, -1)) {}
  Connection& operator=(Connection&&) = delete;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  /// Lets go of it and waits for its ssh, which then ends.
  ~Connection();

  int Fd() const { return fd_.Get(); }
  /// The descriptor alone; its ssh is collected by whoever collects this process's children.
  UniqueFd Release() {
    process_ = -1;
    return std::move(fd_);
  }

 private:
  UniqueFd fd_;
  pid_t process_;  ///< of ssh; -1: none
};

/// Connects to the daemon. Over ssh `files` are sent first, so that the daemon there is given them open;
/// else they are not looked at. `cancel_fd` readable: give up with kCancelled. `holds`: what asks the daemon
/// over there stays for as long as the connection does, and not for the answer alone. Errors: kUnavailable,
/// kInvalidArgument.
Result<Connection> Dial(const Endpoint& endpoint, const std::vector<int>& files, int cancel_fd,
                        bool holds = false);

/// Through ssh to a TCP port that the daemon's machine reaches, a data container's.
Result<Connection> DialContainer(const Endpoint& endpoint, const TcpAddress& address);

}  // namespace spawnd::client
