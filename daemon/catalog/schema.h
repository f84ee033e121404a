/// The tables of the catalog and what makes a file one.
#pragma once

#include <string>

#include "base/result.h"
#include "daemon/catalog/database.h"

namespace spawnd::daemon {

/// PRAGMA application_id, "spwn": tells a catalog from any other SQLite file.
inline constexpr int64_t kCatalogApplicationId = 0x7370776E;
/// PRAGMA user_version. This is the one place.
inline constexpr int64_t kCatalogSchemaVersion = 9;

/// Checks the file, makes the tables in an empty one and sets the connection up. kCorrupt for a damaged file
/// or one that is no catalog, kUnsupported for one of a newer spawnd; both stay as they are.
Result<void> PrepareSchema(Database& database, const std::string& path);

}  // namespace spawnd::daemon
