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
  std::string_view keys;
};
constexpr std::array kRepositories{
    Repository{"pgBackRest", "backup.info", "backup.info", "`tool: pgbackrest`, `stanza:`"},
    Repository{"pgBackRest", "archive", "backup", "`tool: pgbackrest`, `stanza:`"},
    Repository{"WAL-G", "basebackups_005", "basebackups_005", "`tool: wal-g`"},
    Repository{"Barman", "base", "wals", "`tool: barman`, `server:`"},
};

}  // namespace

Error NoBackupIn(const RestoreRequest& request) {
  Error error = FolderRefused(request);
  for (const Repository& one : kRepositories) {
    if (!request.folder->Has(one.first) || !request.folder->Has(one.second)) continue;
    error.message += ": it looks like a repository of " + std::string(one.tool);
    error.hint =
        "Say `sourceType: repository`, " + std::string(one.keys) +
        " and `repository:`, so that the tool restores from it; or name a folder that it has restored.";
    return error;
  }
  return error;
}

}  // namespace spawnd::engines::postgresql
