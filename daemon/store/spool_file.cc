#include "daemon/store/spool_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/descriptors.h"

namespace spawnd::daemon {
namespace {

constexpr uint64_t kBytesBetweenLooks = uint64_t{16} << 20U;

}  // namespace

Result<void> CheckRoomForMore(const Disk& disk, uint64_t bytes) {
  TRY_ASSIGN(const DiskUse use, UseOfDisk(disk.StateDirectory()));
  const uint64_t taken = std::min(bytes, use.free_bytes);
  const DiskUse then{use.used_bytes + taken, use.free_bytes - taken};
  if (disk.LevelOf(then.Percent()) != Disk::Level::kNone) return {};
  const bool full_already = disk.LevelOf(use.Percent()) == Disk::Level::kNone;
  return Fail(ErrorCode::kNoSpace,
              fmt::format("no space for {}: {}{}, and from {} % on nothing new is created",
                          full_already ? "the rest of it" : fmt::format("its {} MB", bytes / 1'000'000),
                          disk.Describe(use.Percent()),
                          full_already ? "" : fmt::format(" and would be {} %", then.Percent()),
                          disk.RefusePercent()),
              fmt::format("Make room on the disk of '{}'.", disk.StateDirectory()));
}

Result<SpoolFile> SpoolFile::Make(const std::string& folder, uid_t owner, const Disk& disk) {
  UniqueFd fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd.Valid()) return FailErrno(errno, "cannot make a file in '" + folder + "'");
  if (::fchown(fd.Get(), owner, static_cast<gid_t>(-1)) != 0) {
    return FailErrno(errno, "cannot give away a file in '" + folder + "'");
  }
  SpoolFile file(std::move(fd), disk);
  TRY(CheckRoomForMore(disk));
  return file;
}

Result<void> SpoolFile::Append(std::string_view bytes) {
  if (size_ - checked_at_ >= kBytesBetweenLooks) {
    TRY(CheckRoomForMore(*disk_));
    checked_at_ = size_;
  }
  if (const int err = WriteAll(fd_.Get(), bytes); err != 0) {
    return FailErrno(err, "cannot write to the disk of '" + disk_->StateDirectory() + "'");
  }
  size_ += bytes.size();
  return {};
}

Result<UniqueFd> SpoolFile::Take() {
  // What tools are handed must not be one that they can write to.
  UniqueFd reader(::open(("/proc/self/fd/" + std::to_string(fd_.Get())).c_str(), O_RDONLY | O_CLOEXEC));
  if (!reader.Valid()) return FailErrno(errno, "cannot open what was received");
  fd_.Reset();
  return reader;
}

}  // namespace spawnd::daemon
