/// The volumes of a container that it is not in: left by a reset that took a spare, or a spare's that came to
/// nothing. And the keepers of all of them.
///
/// On job threads. Doing any of it twice, or at once with the removal of the whole container, does no harm.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/host/control_groups.h"
#include "daemon/store/layout.h"

namespace spawnd::daemon {

/// Ends whatever keeper a container has, in whichever volume. Errors: as KeeperClient::End; the others have
/// been ended all the same.
Result<void> EndKeepers(const StoreLayout& layout, int64_t id);

/// Ends the keepers of these volumes. A volume that holds a revision stays with what its revisions hold; any
/// other goes, and with it its control group. Errors: the first; the others have been seen to all the same.
Result<void> LeaveVolumes(const StoreLayout& layout, const ControlGroups& groups, int64_t id,
                          const std::vector<std::string>& volumes);

}  // namespace spawnd::daemon
