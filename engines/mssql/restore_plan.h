/// From a backup's first bytes to the placements and steps that restore it. Called on job threads.
#pragma once

#include <string>

#include "engines/engine.h"

namespace spawnd::engines::mssql {

/// A native backup (.bak) is placed in the data directory, because the server itself reads it, and restored
/// by spawnd-tsql; T-SQL goes to spawnd-tsql. gzip of either is unpacked on the way.
Result<RestorePlan> PlanRestoreOf(const RestoreRequest& request);

/// spawnd-tsql of the program `running`: in its folder, in the build tree beside it, or where it is
/// installed. kInternal when it is nowhere.
Result<std::string> FindTool(const std::string& running);

}  // namespace spawnd::engines::mssql
