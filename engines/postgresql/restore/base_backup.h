/// Physical base backups: the files of a PostgreSQL server, as `pg_basebackup` writes them or as a stopped
/// server leaves them. Recognising them, their version, and the plan that turns one into a server of ours
/// whatever configuration, recovery settings, tablespaces and roles it brings. Job threads.
///
///   base.tar, base.tar.gz                      pg_basebackup -Ft; one file
///   a folder with base.tar[.gz], pg_wal.tar[.gz], OID.tar[.gz]
///   a folder with PG_VERSION and global/       pg_basebackup -Fp, or a data directory of a stopped server
#pragma once

#include <memory>
#include <string_view>

#include "engines/engine.h"

namespace spawnd::engines::postgresql {

enum class BaseBackupKind { kNone, kTarFile, kTarFolder, kPlainFolder };

/// kNone: something else. `head`: the first unpacked bytes of a file; unused for a folder.
BaseBackupKind RecogniseBaseBackup(const RestoreRequest& request, std::string_view head);

/// Its version is the major version that made it, from PG_VERSION; a tar file is looked through until one
/// comes by. Its plan empties the data directory, puts the backup there, makes the server start with settings
/// of ours, lets it recover to the backup's end, and sees to it that the superuser of our sessions exists.
Result<std::unique_ptr<RecognisedBackup>> MakeBaseBackup(const RestoreRequest& request, BaseBackupKind kind,
                                                         const Packing& packing);

}  // namespace spawnd::engines::postgresql
