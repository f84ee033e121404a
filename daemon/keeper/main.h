/// `spawnd keeper <id>`: the loop of one keeper process. Not for people: the launcher forks it with a bound
/// socket and the daemon's own connection (daemon/keeper/files.h). It outlives the daemon; its last words say
/// why it ended.
#pragma once

namespace spawnd::daemon {

/// Returns the process's exit code, if it returns at all.
int KeeperMain(int argc, char** argv);

}  // namespace spawnd::daemon
