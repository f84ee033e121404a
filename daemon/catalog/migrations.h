/// How a catalog of an older spawnd becomes one of this: numbered steps, each from one schema to the next. A
/// new catalog is made in the same way, from the first schema on, so that there is one account of what the
/// tables are.
///
/// A step that a release had never changes again; what comes later is another step. A step is SQL. Foreign
/// keys are not enforced while it runs, so that a table can be made anew under another name, filled, and
/// renamed (https://www.sqlite.org/lang_altertable.html, the twelve steps), and are checked before it is
/// committed.
///
/// Loop thread, at a start, before anything reads the catalog. Each step is one transaction with the number
/// of the schema in it: a crash leaves the one before or the one after, whole.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "daemon/catalog/database.h"

namespace spawnd::daemon {

/// The schema of the first package. Older ones were never released.
inline constexpr int64_t kFirstSchemaVersion = 9;

struct Migration {
  int64_t to;  ///< the schema that it makes, of the one before
  const char* sql;
};

/// In order, without a gap, from kFirstSchemaVersion + 1 to kCatalogSchemaVersion.
std::span<const Migration> Migrations();

/// Where the catalog at `path` is copied to before the first step from `version` on: "<path without its
/// suffix>.pre-<version + 1>".
std::string CopyBeforeMigration(const std::string& path, int64_t version);

/// The tables of the first schema, in an empty database, and every step, in one transaction.
Result<void> MakeTables(Database& database, std::span<const Migration> steps);
/// Brings a sound catalog of schema `version` up to that of the last step, after it was copied: nothing
/// happens without the copy. Errors: kNoSpace, kIo, and what a step says; the catalog is whole, at the schema
/// of the last step that worked.
Result<void> Migrate(Database& database, const std::string& path, int64_t version,
                     std::span<const Migration> steps);

/// The same without a copy, for a catalog that is one.
Result<void> ApplySteps(Database& database, int64_t version, std::span<const Migration> steps);

/// The same, and a row may refer to one that is not there: for a part of a catalog.
Result<void> ApplyUnchecked(Database& database, int64_t version, std::span<const Migration> steps);

}  // namespace spawnd::daemon
