/// The kernel's mount calls as results, for the code that builds a container's root. They change the calling
/// process's mount namespace; the caller is single-threaded and root.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {

/// A copy of what is mounted at `path` (`recursive`: with what is mounted below it), attached nowhere. It
/// may be carried over to another mount namespace. See open_tree(2).
Result<UniqueFd> CloneTree(const std::string& path, bool recursive = false);
/// Such a copy of an engine's folder, which may be anywhere on the host: read-only, and nothing in it gives
/// rights.
Result<UniqueFd> CloneInstallation(const std::string& root);
/// Sets MOUNT_ATTR_... on such a copy, and makes it private: nothing that is mounted on the host reaches it.
Result<void> RestrictTree(int tree, uint64_t attributes);
/// Puts it where `to` is. Once only.
Result<void> AttachTree(int tree, const std::string& to);
/// Clone, restrict and attach in one: `from` appears at `to`, with these attributes.
Result<void> BindRestricted(const std::string& from, const std::string& to, uint64_t attributes);

/// A file system in memory. `options` as for mount(8): "mode=0755,size=4m,nr_inodes=256".
Result<void> MountMemory(const std::string& at, unsigned long flags, const std::string& options);

/// mkdir -p below `root`, with mode 0755. `path` is absolute; nothing on the way is a link of somebody
/// else's.
Result<void> MakeDirectories(const std::string& root, const std::string& path);
Result<void> MakeDirectory(const std::string& path, mode_t mode, uid_t uid, gid_t gid);
/// A new file, readable by everybody.
Result<void> WriteWorldReadable(const std::string& path, const std::string& content);

/// Makes the mount at `new_root` this process's root and lets go of all that was mounted before.
Result<void> PivotInto(const std::string& new_root);

}  // namespace spawnd::daemon
