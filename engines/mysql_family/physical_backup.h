/// mariabackup's physical backups: a server's own files, which are put on the volume and recovered there
/// before the server is first started (engines/restore.h). Thread and life of a plan.
#pragma once

#include <string>

#include "engines/engine.h"
#include "engines/mysql_family/product.h"

namespace spawnd::engines::mysql_family {

/// True for a folder that mariabackup wrote.
bool IsPhysicalBackup(const BackupFolder& folder);

/// The series of the server that a folder's backup is of: "10.11". Of a stream it is not known before it is
/// unpacked; the plan checks it then.
Result<std::string> SeriesOfPhysicalBackup(const RestoreRequest& request);

/// For a folder, or an xbstream file (`gzip`: packed). kUnsupported where the product's tool is missing.
Result<RestorePlan> PlanPhysicalBackup(const Product& product, const Installation& installation,
                                       const RestoreRequest& request, bool gzip);

}  // namespace spawnd::engines::mysql_family
