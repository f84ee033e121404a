/// From a backup's first bytes to the programs that restore it. Runs "--version" of the tools it finds;
/// called on job threads.
#pragma once

#include <string>

#include "engines/engine.h"

namespace spawnd::engines::postgresql {

/// As Engine::VersionOfBackup has it: that of a physical base backup.
Result<std::string> VersionThatBackupDictates(const RestoreRequest& request);

/// Plain SQL goes to psql, a custom or tar archive to pg_restore, gzip of either is unpacked on the way.
/// Where the backup goes: into request.database; without one, plain SQL into `postgres` (a dump made with
/// --create makes and enters its own), an archive into the database it was made of.
Result<RestorePlan> PlanRestoreOf(const Installation& installation, const RestoreRequest& request);

}  // namespace spawnd::engines::postgresql
