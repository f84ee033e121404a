/// The root that keepers live in, built once by the launcher: memory, with what keepers use of the host bound
/// into it, and the parts of which each container's own root is put together (container_root.h). The host's
/// mounts are let go of, so a keeper pins none of them, and what it copies when it enters a namespace of its
/// own is a dozen mounts and not the host's hundreds.
///
///   <state directory>  where it is on the host
///   /dev /proc /sys    the host's: FUSE, loop devices and their queues
///   /etc /usr /lib...  the host's, read-only
///   /run/spawnd        each keeper's own (private_mounts.h)
///   /run/spawnd-launcher
///     fuse             where a keeper mounts its volume's file
///     parts/etc        what containers see of /etc: files of the host that are no secret, and ours
///     parts/dev        five devices
///     container        where process 1 puts the container's root together
///
/// docs/adr/0004-a-root-of-its-own.md says why. For one thread.
#pragma once

#include <string>

#include "base/result.h"

namespace spawnd::daemon {

inline constexpr const char* kLauncherDirectory = "/run/spawnd-launcher";
inline constexpr const char* kFuseDirectory = "/run/spawnd-launcher/fuse";
inline constexpr const char* kPartsDirectory = "/run/spawnd-launcher/parts";
inline constexpr const char* kContainerRoot = "/run/spawnd-launcher/container";

/// Folders of programs and libraries at the top of a root: a link into /usr, or a folder of its own.
const char* const* LibraryFolders();

/// Leaves the host's mounts for good and enters the outer root. `state_directory` is absolute.
/// kInvalidArgument for one that lies where keepers have places of their own.
Result<void> EnterOuterRoot(const std::string& state_directory);

/// Copies into parts/etc what has changed in the host's /etc since the last time: the dynamic linker's cache
/// after a package was installed, the time zone. Costs a few stats.
Result<void> RefreshParts();

}  // namespace spawnd::daemon
