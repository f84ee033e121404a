/// What this binary is. Safe from any thread.
#pragma once

#include <string>

#include "api/types.h"

namespace spawnd::daemon {

api::Version BuildVersion();

/// Another for each binary, however alike: the linker's build id. Empty when it was linked without one.
std::string BuildId();

}  // namespace spawnd::daemon
