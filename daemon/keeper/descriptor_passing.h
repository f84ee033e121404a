/// One packet on a SOCK_SEQPACKET Unix socket that may carry one open descriptor (SCM_RIGHTS). Private to
/// daemon/keeper/; the calls block and are safe from any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {

/// `fd`: -1 for none; stays the caller's. kUnavailable when the other side is gone or takes no such packet.
Result<void> SendWithDescriptor(int socket, std::string_view packet, int fd);

/// Whatever descriptors came are close-on-exec; all but the first are closed. kUnavailable at the end,
/// kInvalidArgument for a packet of more than `max_bytes`.
Result<std::string> ReceiveWithDescriptor(int socket, size_t max_bytes, UniqueFd& fd);

}  // namespace spawnd::daemon
