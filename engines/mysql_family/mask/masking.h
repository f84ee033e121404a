/// Masking a whole server, after everything else of a build and before its image is sealed: docs/masking.md,
/// docs/adr/0015-masks-are-the-last-step-of-a-build.md. Used by one thread at a time. A crash leaves no
/// image.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "engines/mask/mask.h"

namespace spawnd::engines::mysql_family {

/// `run`: as the superuser. Rows that each rule was for. Errors name the rule. Files of logs are left to
/// MaskCleaner.
Result<std::vector<int64_t>> MaskServer(const RunSql& run, const std::vector<MaskRule>& rules);

}  // namespace spawnd::engines::mysql_family
