/// mariabackup's physical backups: a server's own files, which are put on the volume and recovered there
/// before the server is first started (engines/restore.h). Thread and life of a plan.
#pragma once

#include <memory>
#include <string_view>

#include "engines/engine.h"
#include "engines/mysql_family/product.h"
#include "engines/unpack/backup_head.h"

namespace spawnd::engines::mysql_family {

/// True for a folder that mariabackup wrote.
bool IsPhysicalBackup(const BackupFolder& folder);
/// And for a tar archive of one; `head`: its first bytes, unpacked.
bool IsPhysicalBackup(std::string_view head);

/// Takes a folder, an xbstream file or a tar archive of a folder (`head`: of the file). A folder dictates the
/// series of its server as the version, "10.11". A stream shows it only when it is unpacked, and it is
/// checked then. The plan is kUnsupported where the product's tool is missing.
Result<std::unique_ptr<RecognisedBackup>> MakePhysicalBackup(const Product& product,
                                                             const RestoreRequest& request, BackupHead head);

}  // namespace spawnd::engines::mysql_family
