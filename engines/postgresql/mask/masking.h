/// Masking a whole server, after everything else of a build and before its image is sealed: docs/masking.md,
/// docs/adr/0015-masks-are-the-last-step-of-a-build.md. Used by one thread at a time. A crash leaves no
/// image.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engines/mask/mask.h"
#include "engines/mask/proof.h"

namespace spawnd::engines::postgresql {

/// The oldest that can be masked: its log is given up, and not kept under another name.
inline constexpr int kFirstToMask = 12;

/// A session as the superuser in this database, with nothing of it in its way (connection.h).
using OpenDatabase = std::function<Result<RunSql>(const std::string& database)>;

struct ServerToMask {
  int major = 0;
  RunSql run;  ///< in any of its databases
  OpenDatabase open;
};

/// Errors name the rule.
Result<Masked> MaskServer(const ServerToMask& server, const std::vector<MaskRule>& rules);

/// That the columns still hold what was written, after all that runs functions of the dump's own (those of
/// indexes, of materialized views); it runs none itself. kInvalidArgument otherwise, with the rule's name.
Result<void> ExpectStillMasked(const OpenDatabase& open, const std::vector<MaskProof>& proofs);

}  // namespace spawnd::engines::postgresql
