/// Which programs work in a folder: a server does in the folder of its data, whatever container it runs in.
/// Job threads.
#pragma once

#include <string>
#include <vector>

namespace spawnd::daemon {

/// Names (of at most 15 bytes, as they call themselves) of the processes of this machine whose current folder
/// is this one; at most 100. Processes that the daemon does not see, as those of another machine, are not
/// among them. Asks no file system for anything, so that a hanging one holds nobody.
std::vector<std::string> ProgramsIn(int folder_fd);

}  // namespace spawnd::daemon
