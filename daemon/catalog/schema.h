/// What makes a file a catalog, and what is done to it when it is opened. Its tables:
/// daemon/catalog/migrations.h. Loop thread; what survives a crash is said there.
#pragma once

#include <string>

#include "base/result.h"
#include "daemon/catalog/database.h"

namespace spawnd::daemon {

/// PRAGMA application_id, "spwn": tells a catalog from any other SQLite file.
inline constexpr int64_t kCatalogApplicationId = 0x7370776E;
/// PRAGMA user_version. This is the one place.
inline constexpr int64_t kCatalogSchemaVersion = 13;

/// Checks the file, makes the tables in an empty one, brings one of an older spawnd up to now and sets the
/// connection up. kCorrupt for a damaged file or one that is no catalog, kUnsupported for one of a newer
/// spawnd; both stay as they are.
Result<void> PrepareSchema(Database& database, const std::string& path);
/// Whether the file is a catalog of an older spawnd. Changes nothing; errors as above.
Result<bool> IsOlder(Database& database, const std::string& path);
/// Brings what Database::InMemory has made of such a one up to now.
Result<void> PrepareInMemory(Database& database, const std::string& path);

}  // namespace spawnd::daemon
