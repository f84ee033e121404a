/// How SQL Server is started: places, environment, command. Pure.
///
/// sqlservr has its places compiled in: programs below /opt/mssql, everything it writes below /var/opt/mssql
/// (databases, keys, settings, logs). Both exist in every container, as binds of the installation and of the
/// data directory.
#pragma once

#include <string>
#include <vector>

#include "engines/engine.h"

namespace spawnd::engines::mssql {

inline constexpr const char* kProgramPlace = "/opt/mssql";
inline constexpr const char* kDataPlace = "/var/opt/mssql";
/// Where backups are placed for the time of a build, below the data directory.
inline constexpr const char* kRestoreFolder = "spawnd-restore";

/// Of a container, in MiB: the least with which the server starts is 2000
/// (https://learn.microsoft.com/sql/linux/sql-server-linux-setup#system).
inline constexpr int kMemoryLimitMebibytes = 2048;

std::vector<Bind> PlacesOf(const Paths& paths);

/// Writes the system databases and sa's password, and ends.
Command SetupCommand(const Launch& launch);
/// Sets sa's password anew at every start: it is part of `master`, and what an image has there is nobody's. A
/// build's server is followed by the removal of what was placed for it.
Command ServerCommand(const Launch& launch);

}  // namespace spawnd::engines::mssql
