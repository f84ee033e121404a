/// mariabackup's physical backups: a server's own files, which are put on the volume and recovered there
/// before the server is first started (engines/restore.h). Thread and life of a plan.
#pragma once

#include <memory>

#include "engines/engine.h"
#include "engines/mysql_family/product.h"

namespace spawnd::engines::mysql_family {

/// True for a folder that mariabackup wrote.
bool IsPhysicalBackup(const BackupFolder& folder);

/// Of a folder, or of an xbstream file (`gzip`: packed). The version that a folder dictates is the series of
/// its server, "10.11"; of a stream it is not known before it is unpacked, and checked then. The plan is
/// kUnsupported where the product's tool is missing.
Result<std::unique_ptr<RecognisedBackup>> MakePhysicalBackup(const Product& product,
                                                             const RestoreRequest& request, bool gzip);

}  // namespace spawnd::engines::mysql_family
