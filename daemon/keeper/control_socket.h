/// The socket by which a keeper is reached, "control.sock" in its container's directory.
///
/// Safe from any thread. The socket outlives the daemon; it is made anew for each keeper.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {

/// Makes it, in place of a predecessor's, which also loses its last words.
Result<UniqueFd> BindControlSocket(const std::string& directory);

enum class Connect {
  kWait,
  kAtOnce,  ///< never blocks, nor does what comes; kNotReady: one is there, and takes nobody on at the moment
};

/// kUnavailable when no keeper answers there.
Result<UniqueFd> ConnectToKeeper(const std::string& directory, Connect how = Connect::kWait);

}  // namespace spawnd::daemon
