/// How a standby and the programs beside it connect to their primary, as one of libpq's connection strings.
/// Pure.
#pragma once

#include <string>
#include <vector>

#include "engines/engine.h"

namespace spawnd::engines::postgresql {

/// Without a password: that is in a file in memory (StandbyFiles). The address is the container's loopback,
/// where the keeper makes the connection; the name is the server's, for its certificate.
std::string ConnectionInfo(const Launch& launch);

/// Made before each start, in memory: what the primary allows.
std::string LimitsFile(const Paths& paths);

/// All files that a standby is started with: its settings, the password, what options name.
std::vector<SettingsFile> StandbyFiles(const Launch& launch);

}  // namespace spawnd::engines::postgresql
