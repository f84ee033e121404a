/// From a backup's first bytes to the steps that restore it. Called on job threads.
#pragma once

#include "engines/engine.h"

namespace spawnd::engines::redis {

/// A script of commands goes to redis-cli, gzip of it is unpacked on the way.
Result<RestorePlan> PlanRestoreOf(const Installation& installation, const RestoreRequest& request);

}  // namespace spawnd::engines::redis
