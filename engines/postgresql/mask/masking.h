/// Masking a whole server, after everything else of a build and before its image is sealed: docs/masking.md,
/// docs/adr/0015-masks-are-the-last-step-of-a-build.md. Used by one thread at a time. A crash leaves no
/// image.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engines/mask/mask.h"

namespace spawnd::engines::postgresql {

/// The oldest that can be masked: its log is given up, and not kept under another name.
inline constexpr int kFirstToMask = 12;

struct ServerToMask {
  int major = 0;
  RunSql run;  ///< in any of its databases
  /// A session as the superuser in this database, with nothing of it in its way (connection.h).
  std::function<Result<RunSql>(const std::string& database)> open;
};

/// Rows that each rule was for. Errors name the rule.
Result<std::vector<int64_t>> MaskServer(const ServerToMask& server, const std::vector<MaskRule>& rules);

}  // namespace spawnd::engines::postgresql
