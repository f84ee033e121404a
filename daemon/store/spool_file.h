/// A file without a name in the state directory, for what comes from a client as a stream. It goes with its
/// last descriptor, whatever happens to the daemon. For one thread at a time; may block.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/store/disk.h"

namespace spawnd::daemon {

/// Whether more may be received: kNoSpace when the disk is as full as the administrator allows, or would be
/// with so many `bytes` more.
Result<void> CheckRoomForMore(const Disk& disk, uint64_t bytes = 0);

class SpoolFile {
 public:
  /// On the disk of `folder`, owned by `owner`, mode 0600. `disk` outlives it.
  static Result<SpoolFile> Make(const std::string& folder, uid_t owner, const Disk& disk);

  /// kNoSpace when the disk is as full as the administrator allows; looked at every some megabytes.
  Result<void> Append(std::string_view bytes);
  uint64_t Size() const { return size_; }
  /// Opened for reading only, at offset 0. The last call.
  Result<UniqueFd> Take();

 private:
  SpoolFile(UniqueFd fd, const Disk& disk) : fd_(std::move(fd)), disk_(&disk) {}

  UniqueFd fd_;
  const Disk* disk_;
  uint64_t size_ = 0;
  uint64_t checked_at_ = 0;
};

}  // namespace spawnd::daemon
