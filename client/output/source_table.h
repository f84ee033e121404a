/// The table of `get data-sources`. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/source/types.h"

namespace spawnd::client {

/// `ID Name Type Status Schedule NextRun LastRun LastImage Lag`; `wide`: and `Owner Keep Images Size Runs
/// Failures Skipped Server Slot`. Below it a line for each of which there is something to know. `now`:
/// seconds since 1970.
std::string SourceTable(const std::vector<api::DataSource>& sources, int64_t now, bool wide);

}  // namespace spawnd::client
