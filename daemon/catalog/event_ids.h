/// The ids of events, which only grow, also past a catalog that was lost or that an older one has taken the
/// place of: no id is given twice. The last one that this catalog may not give is in its counter `events`,
/// which is there only when something was passed over; events go on after it, or after the newest row.
///
/// On a connection of one's own: the loop thread's, or fsck's under the state directory's lock.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace spawnd::daemon {

class Database;

/// How many are passed over when it is not known how many were given since the last one that is known, which
/// is a day ago at most: more than can be.
inline constexpr int64_t kEventIdsPassedOver = 100'000'000;

/// The last id that was given or passed over; 0: none.
Result<int64_t> LastEventId(Database& database);
/// The same of the catalog in that file.
Result<int64_t> LastEventId(const std::string& catalog_path);
/// No id up to this one is given from now on.
Result<void> SkipEventIds(const std::string& catalog_path, int64_t up_to);
/// None of those that it tells of has happened: they came of its making.
Result<void> ForgetEvents(const std::string& catalog_path);

}  // namespace spawnd::daemon
