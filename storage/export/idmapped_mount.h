/// One mount that shows files of one user as another's: what the file system holds stays as it is, and
/// nothing is chowned. The kernel's idmapped mounts (mount_setattr(2), Linux 5.12; ext4 has them since then).
///
/// Functions without state; the caller is root. MakeOwnerMapping forks and waits for a moment.
#pragma once

#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::storage {

struct Owner {
  uid_t uid = 0;
  gid_t gid = 0;
  bool operator==(const Owner&) const = default;
};

/// A user namespace, as a descriptor, that maps one user and group to another, and root to itself. Whoever
/// else owns a file appears as nobody. kUnsupported: the machine allows no user namespaces.
Result<UniqueFd> MakeOwnerMapping(Owner on_disk, Owner shown);

/// Lets a mount that is at no place yet (OpenExt4) show its files through `mapping`. kUnsupported: the kernel
/// or the file system cannot; the mount is as it was then.
Result<void> MapOwners(int mount, int mapping);

}  // namespace spawnd::storage
