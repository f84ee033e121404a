/// Who is at the other end of a Unix socket, as the kernel remembers it from the moment of connect.
#pragma once

#include "base/result.h"
#include "daemon/http/message.h"

namespace spawnd::daemon::http {

/// From SO_PEERCRED and SO_PEERGROUPS (see socket(7), unix(7)). Any thread.
Result<Peer> PeerOf(int socket_fd);

}  // namespace spawnd::daemon::http
