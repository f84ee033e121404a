/// Repositories of backup tools, which hold servers' files in ways of their own, named as if they were
/// backups. Pure.
#pragma once

#include "base/error.h"
#include "engines/restore.h"

namespace spawnd::engines::postgresql {

/// For a folder that is no backup: FolderRefused, and for a repository how to get a backup out of it.
Error NoBackupIn(const RestoreRequest& request);

}  // namespace spawnd::engines::postgresql
