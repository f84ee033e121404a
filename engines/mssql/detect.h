/// Where SQL Server is found on this machine, and what its version numbers mean. Runs "sqlservr -v" of each
/// candidate; called at daemon start, from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engines/engine.h"

namespace spawnd::engines::mssql {

/// /opt/mssql, where Microsoft's package puts it, and `search_paths`, each a root (has bin/sqlservr) or a
/// folder of roots.
std::vector<Installation> DetectInstallations(const std::vector<std::string>& search_paths);

/// "16.0.4135.4" in "Microsoft (R) SQL Server (R) version 16.0.4135.4" or whatever else stands around the
/// first number of three or four parts; empty when there is none, or the text does not speak of SQL Server.
std::string ParseVersionOutput(std::string_view output);

/// "16" of "16.0.4135.4".
std::string MajorVersionOf(std::string_view version);

/// Users ask for the year on the box, or for the number: "2022", "16", "16.0".
bool SameRelease(std::string_view installed, std::string_view wanted);

}  // namespace spawnd::engines::mssql
