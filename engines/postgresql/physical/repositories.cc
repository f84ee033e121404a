#include "engines/postgresql/physical/repositories.h"

#include <array>
#include <string>
#include <string_view>

namespace spawnd::engines::postgresql {
namespace {

struct Repository {
  std::string_view tool;
  std::string_view first;  ///< that it has, and no backup
  std::string_view second;
  std::string_view restore;
};
constexpr std::array kRepositories{
    Repository{"pgBackRest", "backup.info", "backup.info",
               "pgbackrest --stanza=NAME --archive-copy --type=none restore"},
    Repository{"pgBackRest", "archive", "backup",
               "pgbackrest --stanza=NAME --archive-copy --type=none restore"},
    Repository{"WAL-G", "basebackups_005", "basebackups_005", "wal-g backup-fetch FOLDER LATEST"},
    Repository{"Barman", "base", "wals", "barman recover SERVER latest FOLDER"},
};

}  // namespace

Error NoBackupIn(const RestoreRequest& request) {
  Error error = FolderRefused(request);
  for (const Repository& one : kRepositories) {
    if (!request.folder->Has(one.first) || !request.folder->Has(one.second)) continue;
    error.message += ": it looks like a repository of " + std::string(one.tool);
    error.hint =
        "Restore from it into a folder of its own (`" + std::string(one.restore) +
        "`) and name that; where it lacks write-ahead log, name the folder that has it as `walFolder:`.";
    return error;
  }
  return error;
}

}  // namespace spawnd::engines::postgresql
