#include "daemon/http/peer.h"

#include <sys/socket.h>

#include <cerrno>

namespace spawnd::daemon::http {

Result<Peer> PeerOf(int socket_fd) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (::getsockopt(socket_fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
    return FailErrno(errno, "cannot tell who connected");
  }
  Peer peer;
  peer.pid = credentials.pid;
  peer.identity.uid = credentials.uid;
  peer.identity.gid = credentials.gid;

  std::vector<gid_t>& groups = peer.identity.groups;
  groups.resize(32);
  length = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  if (::getsockopt(socket_fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length) != 0) {
    if (errno != ERANGE) return FailErrno(errno, "cannot tell the groups of who connected");
    // The kernel has said how much room they need; they were fixed at connect and cannot grow.
    groups.resize(length / sizeof(gid_t));
    if (::getsockopt(socket_fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length) != 0) {
      return FailErrno(errno, "cannot tell the groups of who connected");
    }
  }
  groups.resize(length / sizeof(gid_t));
  peer.socket = peer.identity;
  return peer;
}

}  // namespace spawnd::daemon::http
