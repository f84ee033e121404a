/// What a program of a container asks for by bind() or connect(), as its filter of system calls tells of it,
/// and the answer that puts a socket of the host's in the place of the program's own.
///
/// What is read here of the program's memory may be another by the time that the kernel looks, so it may
/// decide over nothing but sockets that are made on this side. System calls without state; safe from any
/// thread.
#pragma once

#include <optional>

#include "base/unique_fd.h"
#include "daemon/door/address.h"

struct seccomp_notif;

namespace spawnd::daemon {

struct AskedSocket {
  UniqueFd socket;  ///< a copy of its descriptor
  int flags = 0;    ///< O_NONBLOCK of the socket, O_CLOEXEC of the descriptor
};

/// The address that the program passed; empty when that is none of the internet.
std::optional<SocketAddress> AskedAddress(const seccomp_notif& question);
/// The socket that it is about, if that is one of TCP.
std::optional<AskedSocket> AskedTcpSocket(const seccomp_notif& question);
/// False: whoever asked is not there any more, and what was read may be another's.
bool StillAsked(int listener, const seccomp_notif& question);
/// Puts `socket` in the place of the one that was asked about. Returns 0 or the errno that the program is to
/// see.
int PutSocketInPlace(int listener, const seccomp_notif& question, const AskedSocket& asked, int socket);

}  // namespace spawnd::daemon
