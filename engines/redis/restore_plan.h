/// From a backup's first bytes to the placement or the step that restores it. Called on job threads.
#pragma once

#include <string_view>

#include "engines/engine.h"

namespace spawnd::engines::redis {

/// A snapshot (.rdb) is placed in the data directory, checked there by the server's own checker, and becomes
/// the data set at the start that follows (launch.h). A script of commands goes to redis-cli. gzip of either
/// is unpacked on the way.
Result<RestorePlan> PlanRestoreOf(const Installation& installation, const RestoreRequest& request);

/// What redis-check-rdb, or the script around it, has against the snapshot.
Error ExplainCheck(const std::string& backup_name, std::string_view output);

}  // namespace spawnd::engines::redis
