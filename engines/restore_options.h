/// Keys of a restore that mean nothing to a product: refused by name, never passed over in silence.
#pragma once

#include <string_view>

#include "base/result.h"
#include "engines/restore.h"

namespace spawnd::engines {

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

}  // namespace spawnd::engines
