/// Who is connected to servers of this machine, as the kernel knows it (sock_diag(7)): asked from the host's
/// side, whatever the server is and whoever accepts.
///
/// Any thread. A look costs one dump for each kind of address, of the ports in question only.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "base/result.h"

namespace spawnd::daemon {

struct PortUse {
  int connections = 0;  ///< clients there are, also those that nobody has accepted yet
  /// The last that is known to have left, which a look can see for a minute: of clients of this machine.
  std::optional<std::chrono::milliseconds> left_before{};
};

/// By port, those from `first` to `last` that somebody uses or has used. `server_user`: who the server of a
/// port runs as; what that user connects by himself is no client. Errors: kUnsupported, kIo.
Result<std::map<uint16_t, PortUse>> LookAtConnections(uint16_t first, uint16_t last,
                                                      const std::function<uid_t(uint16_t)>& server_user);

}  // namespace spawnd::daemon
