/// `spawnd serve`: the daemon from its first check to its last breath.
#pragma once

#include <string>

#include "base/result.h"

namespace spawnd::daemon {

struct ServeOptions {
  std::string state_directory = "/var/lib/spawnd";
  std::string socket_path = "/run/spawnd/spawnd.sock";
  std::string config_path;  ///< empty: the default one, if it is there
};

/// Serves until SIGTERM or SIGINT. Keepers, and with them all running databases, go on.
Result<void> Serve(const ServeOptions& options);

}  // namespace spawnd::daemon
