/// The fixed places that every container has, in a small memory file system of its own. Its keeper makes it,
/// in a mount namespace of its own, and writes there; the container sees it at the same place in its own root
/// (container_root.h).
///
///   /run/spawnd/etc       passwd, group and, with the host's network, resolv.conf
///   /run/spawnd/volume    the ext4 of the volume; data/ belongs to the engine's user. Process 1 mounts it
///   /run/spawnd/engine    the installation, read-only, wherever on the host it is. Process 1 mounts it
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
inline constexpr const char* kAccountsDirectory = "/run/spawnd/etc";
inline constexpr const char* kVolumeDirectory = "/run/spawnd/volume";

engines::Paths ContainerPaths();

/// Makes the places above, in this mount namespace: a process in the outer root (outer_root.h) that has left
/// the launcher's. The calling process is single-threaded.
Result<void> MakePrivatePlaces(uid_t engine_uid, gid_t engine_gid);

/// Gives those of them that are the engine's to another user, whom passwd and group name from then on.
Result<void> GivePlacesTo(uid_t engine_uid, gid_t engine_gid);

/// The container's resolv.conf, for one that has the host's network.
Result<void> WriteNameServers(const std::string& text);

/// Makes `from` appear at `to` too, in this mount namespace only. Where `to` does not exist, the folder above
/// it is replaced by an empty one in memory.
Result<void> BindInPlace(const std::string& from, const std::string& to);

/// Writes a file that only the engine's user and root can read.
Result<void> WriteEngineFile(const std::string& path, const std::string& content, uid_t engine_uid,
                             gid_t engine_gid);

}  // namespace spawnd::daemon
