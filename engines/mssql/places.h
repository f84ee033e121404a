/// Where things are in a container of SQL Server. Constants.
///
/// sqlservr has its places compiled in: programs below /opt/mssql, everything it writes below /var/opt/mssql
/// (databases, keys, settings, logs). Both exist in every container, as binds of the installation and of the
/// data directory.
#pragma once

namespace spawnd::engines::mssql {

inline constexpr const char* kProgramPlace = "/opt/mssql";
inline constexpr const char* kDataPlace = "/var/opt/mssql";
/// Where backups are placed for the time of a build, below the data directory.
inline constexpr const char* kRestoreFolder = "spawnd-restore";

}  // namespace spawnd::engines::mssql
