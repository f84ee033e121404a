#include "storage/export/ext4.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "base/process.h"
#include "base/unique_fd.h"

namespace spawnd::storage {

Result<void> FormatExt4(const std::string& device_path) {
  SpawnOptions options;
  options.argv = {
      "mkfs.ext4", "-q", "-F", "-b", "4096",
      // What is found to be damaged is not written to any more. The mount says so, too: images are older.
      "-e", "remount-ro",
      // One inode for 64 KiB: a database has few, large files. No reserved blocks: no root needs rescuing
      // here.
      "-i", "65536", "-m", "0",
      // A journal that stays small: what it cycles through ends up in the delta of every container.
      "-J", "size=64",
      // The volume reads as zeros, so nothing has to be zeroed, now or later in the background. Metadata
      // packed at the front is read in few requests at mount.
      "-E",
      "lazy_itable_init=1,lazy_journal_init=1,assume_storage_prezeroed=1,nodiscard,packed_meta_blocks=1",
      "-O", "^resize_inode", device_path};
  options.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
  auto run = RunAndCapture(options, std::chrono::seconds(60));
  if (!run) {
    if (run.error().code != ErrorCode::kNotFound) return Fail(run.error().Wrap("cannot format the volume"));
    return Fail(ErrorCode::kUnsupported, "cannot format the volume: mkfs.ext4 is not installed",
                "Install it: apt install e2fsprogs");
  }
  if (run->exit_code != 0) {
    return Fail(ErrorCode::kIo, "cannot format the volume: mkfs.ext4 says: " + run->output);
  }
  return {};
}

Result<UniqueFd> OpenExt4(const std::string& device_path, Barriers barriers) {
  const UniqueFd context(::fsopen("ext4", FSOPEN_CLOEXEC));
  const auto set = [&context](unsigned command, const char* key, const char* value) {
    return ::fsconfig(context.Get(), command, key, value, 0) == 0;
  };
  const bool made = context.Valid() && set(FSCONFIG_SET_STRING, "source", device_path.c_str()) &&
                    set(FSCONFIG_SET_FLAG, "discard", nullptr) &&
                    set(FSCONFIG_SET_STRING, "errors", "remount-ro") &&
                    (barriers == Barriers::kOn || set(FSCONFIG_SET_FLAG, "nobarrier", nullptr)) &&
                    set(FSCONFIG_CMD_CREATE, nullptr, nullptr);
  UniqueFd mount(made ? ::fsmount(context.Get(), FSMOUNT_CLOEXEC,
                                  MOUNT_ATTR_NOATIME | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID)
                      : -1);
  if (!mount.Valid()) return FailErrno(errno, "cannot mount " + device_path);
  return mount;
}

Result<void> PlaceMount(int mount, const std::string& directory) {
  if (::move_mount(mount, "", AT_FDCWD, directory.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return FailErrno(errno, "cannot mount a volume at '" + directory + "'");
  }
  return {};
}

/// A line: six fields, of which the fifth is the place, any number of optional ones, "-", the type, the
/// device, the options of the file system itself. proc_pid_mountinfo(5).
bool TakesNoWrites(std::string_view mountinfo, std::string_view directory) {
  while (!mountinfo.empty()) {
    const std::string_view line = mountinfo.substr(0, mountinfo.find('\n'));
    mountinfo.remove_prefix(std::min(mountinfo.size(), line.size() + 1));
    const size_t kind = line.find(" - ext4 ");
    if (kind == std::string_view::npos || line.find(" " + std::string(directory) + " ") > kind) continue;
    const std::string options = "," + std::string(line.substr(line.rfind(' ') + 1)) + ",";
    return options.find(",ro,") != std::string::npos || options.find(",emergency_ro,") != std::string::npos;
  }
  return false;
}

Result<void> TrimFileSystem(const std::string& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.Valid()) return FailErrno(errno, "cannot open '" + directory + "'");
  fstrim_range range{};
  range.len = std::numeric_limits<uint64_t>::max();
  if (::ioctl(fd.Get(), FITRIM, &range) != 0) return FailErrno(errno, "cannot trim '" + directory + "'");
  return {};
}

Result<void> SyncFileSystem(const std::string& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.Valid()) return FailErrno(errno, "cannot open '" + directory + "'");
  if (::syncfs(fd.Get()) != 0) return FailErrno(errno, "cannot sync '" + directory + "'");
  return {};
}

Result<void> UnmountFileSystem(const std::string& directory) {
  if (::umount2(directory.c_str(), UMOUNT_NOFOLLOW) != 0) {
    const int err = errno;
    Error error = ErrnoError(err, "cannot unmount '" + directory + "'");
    if (err == EBUSY) error.code = ErrorCode::kInUse;
    return Fail(std::move(error));
  }
  return {};
}

}  // namespace spawnd::storage
