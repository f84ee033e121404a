/// Bounds of what a request says about a restore. Pure functions, safe from any thread.
#pragma once

#include "api/types.h"
#include "base/result.h"

namespace spawnd::api {

/// kInvalidArgument, with the key, for a list or a text that is too long, empty, or no line of text.
Result<void> ValidateRestore(const RestoreOptions& options);

}  // namespace spawnd::api
