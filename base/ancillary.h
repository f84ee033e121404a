/// Descriptors that travel along with bytes on a Unix socket (SCM_RIGHTS: unix(7), cmsg(3)), for whoever
/// calls sendmsg and recvmsg.
#pragma once

#include <sys/socket.h>

#include <span>
#include <vector>

#include "base/unique_fd.h"

namespace spawnd {

/// Puts them into the message, whose msg_control has room for them. Async-signal-safe. Must not be empty: the
/// kernel takes no message with none.
void PutDescriptors(msghdr& message, std::span<const int> descriptors);

/// All that came with a message, which are the caller's from now on.
std::vector<UniqueFd> DescriptorsOf(msghdr& message);

}  // namespace spawnd
