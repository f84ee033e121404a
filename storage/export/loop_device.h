/// A loop device over a file: the block device on which a container's ext4 lives.
///
/// The kernel detaches it by itself (autoclear) when the last user is gone, so a keeper that dies leaves none
/// behind.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::storage {

struct LoopDevice {
  std::string path;  ///< "/dev/loop7"
  UniqueFd fd;       ///< holds the device until the file system on it does
};

/// Attaches a free loop device to `file_path` with direct I/O and 4 KiB sectors. Several processes may do so
/// at once. Errors: kIo (no loop support, direct I/O refused), kForbidden (not root).
Result<LoopDevice> AttachLoopDevice(const std::string& file_path);

}  // namespace spawnd::storage
