/// Addresses of the host that a container's clients come to, and the sockets that listen there: the door's
/// and its engines' are made alike, or the kernel would not put them into one group.
///
/// Pure functions and system calls without state; safe from any thread.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/unique_fd.h"

namespace spawnd::daemon {

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

struct HostAddress {
  SocketAddress socket{};
  socklen_t length = 0;
};

/// None when `host` is no numeric address.
std::optional<HostAddress> AddressOf(const std::string& host, uint16_t port);
/// The same text for the same address, however it was written; empty for what is none.
std::string TextOf(const SocketAddress& address);
bool IsLoopback(const SocketAddress& address);
/// 0.0.0.0 and ::, by which a server listens on all that there are and nobody is reached.
bool IsAny(const SocketAddress& address);
/// Where who is on this machine reaches what listens on `address`.
HostAddress ReachedAt(HostAddress address);

enum class Sharing {
  kAlone,     ///< the port is nobody else's
  kWithDoor,  ///< with a door and its engines, which are made by the same user (SO_REUSEPORT)
};

/// A TCP socket, bound to `address` and not listening yet. It comes up by itself when the machine gets the
/// address later. Of IPv6 it takes IPv6 alone. Where the address is the host's loopback it hears and speaks
/// to nothing but that.
///
/// It and those accepted on it carry a filter: only what comes to this address and port arrives, and never
/// the answer to an attempt to connect. `LockFilter` makes that final; it must have been called before
/// anybody listens who is to have such a socket. Returns 0 or an errno.
int BindHere(const HostAddress& address, Sharing sharing, bool blocks, UniqueFd& socket);
/// 0 or an errno.
int LockFilter(int socket);

/// For a connection that is there and is given away: from now on it hears its peer alone and, disconnected
/// and connected or listening anew, nothing. Final. 0 or an errno.
int KeepToPeer(int socket, const HostAddress& peer);
/// Before it is connected: no packet of it leaves this machine. 0 or an errno.
int StayOnLoopback(int socket);

}  // namespace spawnd::daemon
