/// Telling a full disk from everything else that can go wrong in a build. Safe from any thread.
#pragma once

#include <string>

#include "base/error.h"

namespace spawnd::daemon {

/// Gives a lack of space, wherever it showed, the code kNoSpace and a hint; other errors stay as they are.
/// Looks at the disk of `state_directory` as it is now, so it is asked before anything is cleaned up.
Error ExplainSpace(Error error, const std::string& state_directory);

}  // namespace spawnd::daemon
