/// The root that everything of an engine runs in. Process 1 puts it together of the outer root's parts
/// (outer_root.h) and the container's own places (private_mounts.h), enters it before the first program of
/// the engine runs, and lets go of all the rest, itself included: it can reach no file of the host either.
///
///   /usr /lib... /etc     the host's programs and libraries, a few files: read-only
///   /dev                  null zero full random urandom
///   /proc                 this container's processes, each user's own
///   /tmp /var/tmp /dev/shm  memory, limited in size and in number of files, gone with the container
///   /run/spawnd           private_mounts.h
///   <installation>        once more where it is on the host, for programs that have its places compiled in
///
/// There is nothing else, and nothing outside memory and the volume that can be written.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace spawnd::daemon {

struct RootPlan {
  int engine_tree = -1;     ///< a copy of the installation's mount (CloneTree), read-only
  std::string engine_root;  ///< the installation on the host
  /// Made empty, for what is to be bound there later.
  std::vector<std::string> mount_points;
};

/// For a process in mount and pid namespaces of its own, forked from one in the outer root. Irreversible.
Result<void> EnterContainerRoot(const RootPlan& plan);

}  // namespace spawnd::daemon
