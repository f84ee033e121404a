/// The fixed places that every container has, each in a mount namespace of its own: a small memory file
/// system over /run/spawnd, which also hides the daemon's socket from engines.
///
///   /run/spawnd/fuse      one file, the volume            (root only)
///   /run/spawnd/volume    the ext4 on it; data/ belongs to the engine's user
///   /run/spawnd/engine    the installation, bound read-only, wherever on the host it is
///   /run/spawnd/socket    the engine's private Unix socket
///   /run/spawnd/settings  files written before every start
///   /run/spawnd/tls       certificate and key
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "engines/engine.h"

namespace spawnd::daemon {

inline constexpr const char* kRunDirectory = "/run/spawnd";
inline constexpr const char* kFuseDirectory = "/run/spawnd/fuse";
inline constexpr const char* kVolumeDirectory = "/run/spawnd/volume";

engines::Paths ContainerPaths();

/// Leaves the host's mount namespace and sets up the places above. `engine_root` is a host path.
/// Irreversible; the calling process is single-threaded.
Result<void> EnterPrivateMounts(const std::string& engine_root, uid_t engine_uid, gid_t engine_gid);

/// Makes `from` appear at `to` too, in this mount namespace only. Where `to` does not exist, the folder above
/// it is replaced by an empty one in memory, so that nothing has to be made on the host.
Result<void> BindInPlace(const std::string& from, const std::string& to);

/// Writes a file that only the engine's user and root can read.
Result<void> WriteEngineFile(const std::string& path, const std::string& content, uid_t engine_uid,
                             gid_t engine_gid);

}  // namespace spawnd::daemon
