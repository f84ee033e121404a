/// What this binary is. Safe from any thread.
#pragma once

#include "api/types.h"

namespace spawnd::daemon {

api::Version BuildVersion();

}  // namespace spawnd::daemon
