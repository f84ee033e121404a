/// Looks at a backup and says how to restore it. Reads its first 64 KiB; from any thread.
#pragma once

#include "engines/engine.h"
#include "engines/mysql_family/product.h"

namespace spawnd::engines::mysql_family {

Result<RestorePlan> PlanRestoreOf(const Product& product, const Installation& installation,
                                  const RestoreRequest& request);

}  // namespace spawnd::engines::mysql_family
