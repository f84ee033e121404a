/// mariabackup's physical backups: a server's own files, which are put on the volume and recovered there
/// before the server is first started (engines/restore.h). Thread and life of a plan.
#pragma once

#include <memory>

#include "engines/engine.h"
#include "engines/mysql_family/product.h"

namespace spawnd::engines::mysql_family {

/// True for a folder that mariabackup wrote.
bool IsPhysicalBackup(const BackupFolder& folder);

/// Takes a folder or an xbstream file (`packing`: of that). A folder dictates the series of its server as the
/// version, "10.11". A stream shows it only when it is unpacked, and it is checked then. The plan is
/// kUnsupported where the product's tool is missing.
Result<std::unique_ptr<RecognisedBackup>> MakePhysicalBackup(const Product& product,
                                                             const RestoreRequest& request,
                                                             const Packing& packing);

}  // namespace spawnd::engines::mysql_family
