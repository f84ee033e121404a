/// The file system on a volume. Every call may block on the volume's I/O, so it is made by a process other
/// than the one that serves the volume (see storage/export/fuse_export.h).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::storage {

/// Makes an ext4 on a device that reads as zeros; writes only what differs from zero (a few hundred KiB on 64
/// GiB). Runs mkfs.ext4. kUnsupported when it is not installed.
Result<void> FormatExt4(const std::string& device_path);

/// Whether ext4 tells the device to flush.
enum class Barriers {
  kOn,
  /// For a volume that acknowledges flushes at once (Durability::kEverySecond): asking costs a round trip for
  /// nothing. ext4 still waits for what it wrote before it writes what depends on it, and an epoch is a cut
  /// in that order, so what a crash brings back is consistent all the same.
  kOff,
};

/// Mounts with noatime, nodev, nosuid and online discard, at no place yet. The descriptor is the mount:
/// closed before PlaceMount, it is gone.
Result<UniqueFd> OpenExt4(const std::string& device_path, Barriers barriers);

/// Makes such a mount appear at `directory`. Once only.
Result<void> PlaceMount(int mount, const std::string& directory);

/// Everything that was written to the file system before is on the device afterwards. Who writes meanwhile
/// goes on writing.
Result<void> SyncFileSystem(const std::string& directory);

/// Whether /proc/PID/mountinfo shows the ext4 at `directory` as one that takes no more writes, which it is
/// from the first write of its own on that failed until it is mounted anew. Pure. From 6.15 on the kernel
/// says `emergency_ro`, before `ro`.
bool TakesNoWrites(std::string_view mountinfo, std::string_view directory);

/// Gives all free space of the mounted file system back to the volume.
Result<void> TrimFileSystem(const std::string& directory);

/// Unmounts and waits for all writes. kInUse when a process still has a file open.
Result<void> UnmountFileSystem(const std::string& directory);

}  // namespace spawnd::storage
