/// How full the disk of the state directory is, and telling a full disk from everything else that can go
/// wrong. Safe from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/result.h"

namespace spawnd::daemon {

/// How full a disk is, counted as `df` does: what is kept for root is neither used nor free.
struct DiskUse {
  uint64_t used_bytes = 0;
  uint64_t free_bytes = 0;
  /// 0 to 100, rounded up.
  int Percent() const;
};
/// Errors: kNotFound, kIo. Does not block on a local file system.
Result<DiskUse> UseOfDisk(const std::string& path);

/// The disk of the state directory against what the administrator allows.
class Disk {
 public:
  enum class Level {
    kEnough,
    kLow,   ///< time to warn
    kNone,  ///< nothing new is created
  };

  /// Percent as DiskUse counts.
  Disk(std::string state_directory, int warn_percent, int refuse_percent)
      : state_directory_(std::move(state_directory)),
        warn_percent_(warn_percent),
        refuse_percent_(refuse_percent) {}

  /// From here on these. Whoever looks at that moment may see one of the old two with one of the new.
  void SetLimits(int warn_percent, int refuse_percent) {
    warn_percent_ = warn_percent;
    refuse_percent_ = refuse_percent;
  }

  const std::string& StateDirectory() const { return state_directory_; }
  int WarnPercent() const { return warn_percent_; }
  int RefusePercent() const { return refuse_percent_; }
  Level LevelOf(int percent) const;
  /// As it is now: above kEnough. False for one that cannot be looked at.
  bool IsLow() const;
  /// "the disk of '/var/lib/spawnd' is 91 % full"
  std::string Describe(int percent) const;

 private:
  const std::string state_directory_;
  std::atomic<int> warn_percent_;
  std::atomic<int> refuse_percent_;
};

/// Gives a lack of space, wherever it showed, the code kNoSpace and a hint; other errors stay as they are,
/// and so does what has been explained before. Looks at the disk of `state_directory` as it is now, so it is
/// asked before anything is cleaned up.
Error ExplainSpace(Error error, const std::string& state_directory);

/// A volume with the database of a build on it.
struct VolumeUse {
  uint64_t bytes = 0;                 ///< it can have at most
  std::optional<DiskUse> measured{};  ///< as it is now, if that could be asked
};

/// ExplainSpace for an error of a build: when the disk has room and the volume has none, it is the volume
/// that is full, whatever words the server has for that.
Error ExplainVolume(Error error, const VolumeUse& volume, const std::string& state_directory);

/// "256 MiB", "1.5 GiB"
std::string SizeInWords(uint64_t bytes);

/// The same for what a container's engine may have said itself. Its superuser can make it say anything, and
/// kNoSpace is tried again for ever: so that code is believed only while the disk really is about full. Else
/// it becomes kUnavailable: what is full then is the container's own volume, where no room comes back.
Error JudgeSpace(Error error, const std::string& state_directory);

}  // namespace spawnd::daemon
