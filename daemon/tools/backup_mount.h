/// A backup that is a folder, as a mount that a restore tool gets (daemon/init/tool_mounts.h). A descriptor
/// of the folder would not do: with one, a program walks upwards to everything that lies above it.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {

/// A read-only mount of the folder and nothing else, attached to nothing. What is mounted below it is left
/// out. `client`: a pidfd of the process that sent the descriptor, whose mounts may be others than ours (a
/// job's container); -1: they are ours. `name`: for messages. Job threads, as root.
Result<UniqueFd> CloneFolder(int folder_fd, int client, const std::string& name);

}  // namespace spawnd::daemon
