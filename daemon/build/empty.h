/// The initialised but empty state of each engine version: sealed once as a hidden image, then the ground
/// that every image of that version is built on. Job threads.
#pragma once

#include "daemon/build/context.h"
#include "daemon/catalog/rows.h"
#include "engines/engine.h"

namespace spawnd::daemon {

/// The hidden image for this installation, made now when it is missing.
Result<ImageRow> EnsureEmptyImage(const BuildContext& context, const engines::Engine& engine,
                                  const engines::Installation& installation);

}  // namespace spawnd::daemon
