/// Starting the process `spawnd keeper <id>`. Private to daemon/keeper/. Safe from any thread.
#pragma once

#include <sys/types.h>
#include <sys/un.h>

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {

/// A Unix socket address holds 107 characters, a state directory may be longer: the address goes through an
/// open descriptor of the folder, which has to stay open while the address is used.
struct ControlAddress {
  sockaddr_un address{};
  UniqueFd folder;
};
Result<ControlAddress> ControlSocketAddress(const std::string& directory);

struct LaunchedKeeper {
  pid_t pid = 0;
  UniqueFd connection;
};

/// Makes the control socket anew and starts a keeper on it.
Result<LaunchedKeeper> LaunchKeeper(const std::string& directory, int64_t id);

/// Starts the keeper launcher ahead of the first create, which would otherwise wait for it.
Result<void> WarmUpLaunches();

}  // namespace spawnd::daemon
