/// What an image may be called, and whom its owner may share it with. Loop thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/process.h"
#include "base/result.h"
#include "daemon/access/visibility.h"

namespace spawnd::daemon {

/// kInvalidArgument for what is no name or no tag, and for the name of a built-in image: whoever says that
/// means that. `name` may be empty: it comes later. An image that Spawn offered beside its empty ones
/// ("postgres:flyway-getting-started") may have its name, as long as it has no other tags.
Result<void> CheckImageName(const std::string& name, const std::vector<std::string>& tags);

/// How many containers of an image are kept started; -1: as the daemon says. kInvalidArgument.
Result<void> CheckWarm(int64_t warm);

/// Teams as they go into an image's row.
struct SharedWith {
  std::vector<std::string> teams;
  std::vector<std::string> idle_teams;
  std::vector<std::string> warnings;
};
/// Only a member shares with a team, and root: kForbidden for a team that `who` is not in. One that the
/// configuration does not have is taken as a word that nobody goes by, and with a warning. kForbidden for
/// anybody's image that is not `masked`, where the configuration says so.
Result<SharedWith> ShareWith(const TeamMembers& known, const Identity& who,
                             const std::vector<std::string>& teams, bool masked);

}  // namespace spawnd::daemon
