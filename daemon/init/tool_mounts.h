/// What a restore tool sees of its container: everything of it read-only, and instead of the places below
/// /run/spawnd only these, so that a hostile backup that gets the tool to run a program reaches neither the
/// volume nor the server's socket, settings and key:
///
///   /run/spawnd/engine    the installation
///   /run/spawnd/etc       passwd and group
///   /run/spawnd/backup    the backup that is a folder, if there is one
///   /tmp                  memory of its own
///   /proc                 processes of its own pid namespace, and nothing of the kernel's
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace spawnd::daemon {

/// To be called in a mount namespace of its own, whose mounts are private. `binds`: second places of what is
/// on the volume. `folder_fd`: a mount that is attached to nothing yet; -1: none.
Result<void> EnterToolMounts(const std::vector<std::string>& binds, int folder_fd);

}  // namespace spawnd::daemon
