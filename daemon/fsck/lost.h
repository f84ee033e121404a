/// `spawnd lost-and-found`: what lost+found of a state directory has (daemon/store/lost_things.h), taking it
/// back, throwing it away. Prints to standard output; not for use inside a daemon.
#pragma once

#include <string>

#include "base/result.h"

namespace spawnd::daemon {

/// May run beside a daemon.
Result<void> PrintLost(const std::string& state_directory, bool json);
/// kInUse while a daemon serves the directory; others as RestoreLost's.
Result<void> TakeBackLost(const std::string& state_directory, const std::string& id);
/// May run beside a daemon.
Result<void> ThrowAwayLost(const std::string& state_directory, const std::string& id_or_date);

}  // namespace spawnd::daemon
