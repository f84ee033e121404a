/// What makes a server of ours out of the files of a foreign one, once they are in the data directory:
/// commands for the build's container. Job threads.
///
///   preparing    configuration, recovery settings and tablespaces of the source are put aside
///   recovering   a server on its own recovers to the end of the log, or to a point in it, and loses what
///   would
///                connect to the source
///   looking      the locales that the databases and their indexes sort by, against this machine's
#pragma once

#include <string>
#include <vector>

#include "engines/restore.h"

namespace spawnd::engines::postgresql {

/// In this order, before the server is first started. `name`: of the backup, for messages. `version`: of the
/// installation. `at`: RestoreOptions::at. A point that is before the end of the backup, or behind the last
/// transaction of its log, is kInvalidArgument with the range that there is.
std::vector<ContainerCommand> RecoverBaseBackup(const std::string& name, const Paths& paths,
                                                const std::string& version, const std::string& at);

/// What the commands have to warn of in what they printed, a line each; empty: nothing.
std::string WarningsIn(const std::string& backup_name, std::string_view output);

}  // namespace spawnd::engines::postgresql
