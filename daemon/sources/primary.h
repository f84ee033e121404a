/// Where the server of a standby is and what is needed to be let in there, found out anew before each start:
/// names, passwords and certificates may change. Files are read as the owner of the source, by a program that
/// has his rights, never by root.
///
/// Blocks for as long as a name service takes; job threads.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "api/source/types.h"
#include "base/result.h"
#include "engines/standby/recipe.h"

namespace spawnd::daemon {

struct FoundPrimary {
  engines::Primary primary;            ///< with a password, without a slot
  std::vector<std::string> addresses;  ///< numeric
};

/// Errors: kInvalidArgument, kForbidden for a file that the owner cannot read, kUnavailable for a name that
/// nobody knows.
Result<FoundPrimary> FindPrimary(const engines::StandbyRecipe& recipe, const api::Connection& connection,
                                 uid_t owner);

}  // namespace spawnd::daemon
