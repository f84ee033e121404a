/// `spawnd doctor`: the same as `spawnctl doctor` without a daemon, for a machine on which it does not start.
/// Prints to standard output; not for use inside a daemon.
#pragma once

#include "base/result.h"
#include "daemon/serve.h"

namespace spawnd::daemon {

/// Returns whether everything will work. Errors: settings that cannot be read.
Result<bool> RunDoctor(const ServeOptions& options, bool json);

}  // namespace spawnd::daemon
