/// Keys of a restore, and entries of `onError`, that mean nothing to a product: refused by name, never passed
/// over in silence. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/restore.h"

namespace spawnd::engines {

class Engine;

/// Which keys a product knows. onError it always does.
struct KnownOptions {
  bool locale = false;
  bool encoding = false;
  bool skip_extensions = false;
  bool parts = false;  ///< tables, excludeTables, excludeData, schemaOnly
};

/// kUnsupported for the first key of `options` that is not among `known`. `why_no_skipping`: one sentence on
/// why this product can leave no extension out; may be empty.
Result<void> RefuseOptions(const RestoreOptions& options, std::string_view product, const KnownOptions& known,
                           std::string_view why_no_skipping = {});

/// kInvalidArgument for the first entry that is neither an error code of this product nor the beginning of a
/// statement, with what would be one: it would pass over nothing, ever.
Result<void> CheckErrorEntries(const Engine& engine, const std::vector<std::string>& entries);

/// Whether the product has this database in any case, so that it is in no list of the users' own
/// (Session::UserDatabases), but a backup may be of it: as `initialDatabaseName` says then.
bool HasInAnyCase(const Engine& engine, std::string_view database);

}  // namespace spawnd::engines
