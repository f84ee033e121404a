/// What a backup is packed with and how it begins, for whoever is to tell what it is. Safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/unpack/packing.h"
#include "engines/unpack/tar_header.h"

namespace spawnd::engines {

/// The beginning of a backup: as much as telling its kind takes, and the part of an archive's contents that
/// says how its database was made.
struct BackupHead {
  Packing packing{};
  std::string bytes{};  ///< unpacked, at most kHeadBytes; the whole file when there are fewer
};
inline constexpr size_t kHeadBytes = 64 * 1024;

/// What a tar archive of one file is: to some products it is a backup itself.
enum class TarFile { kIsBackup, kIsPacking };

/// What a file is packed with is told by what it begins with. Its offset stays. `name`: of the backup, for
/// messages. kIo; kInvalidArgument for packed data that is damaged there, or cut short, and for an archive of
/// several files, as far as it is seen: whoever unpacks it all will see; kUnsupported for what is encrypted,
/// or packed otherwise.
Result<BackupHead> ReadBackupHead(int fd, const std::string& name, TarFile tar = TarFile::kIsBackup);

/// Paths of the members of a tar archive whose headers can be seen, folders with a slash behind.
std::vector<std::string> NamesInTar(std::string_view head);
/// The head of the only file in a tar archive whose head has been read. Errors as of ReadBackupHead;
/// kInvalidArgument where there are several.
Result<BackupHead> ReadHeadInTar(int fd, const std::string& name, BackupHead head);

}  // namespace spawnd::engines
