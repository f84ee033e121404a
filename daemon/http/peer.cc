#include "daemon/http/peer.h"

#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <memory>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

namespace spawnd::daemon::http {
namespace {

/// The kernel keeps the process itself since 6.5. Before that there is its number, which somebody else may
/// have by now; a client waits for its answer, and so keeps it.
std::shared_ptr<const UniqueFd> ProcessOf(int socket_fd, pid_t pid) {
  int fd = -1;
  socklen_t length = sizeof fd;
  if (::getsockopt(socket_fd, SOL_SOCKET, SO_PEERPIDFD, &fd, &length) != 0) {
    if (errno != ENOPROTOOPT || pid <= 0) return nullptr;
    fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  }
  return fd >= 0 ? std::make_shared<const UniqueFd>(fd) : nullptr;
}

}  // namespace

Result<Peer> PeerOf(int socket_fd) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (::getsockopt(socket_fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
    return FailErrno(errno, "cannot tell who connected");
  }
  Peer peer;
  peer.pid = credentials.pid;
  peer.process = ProcessOf(socket_fd, credentials.pid);
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
