#include "daemon/access/caller.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <system_error>
#include <vector>

#include "base/accounts.h"

namespace spawnd::daemon {
namespace {

/// Rights of this thread. libc's own setgroups and capset would be sent to all threads of the process; the
/// raw calls change the calling thread only (see nptl(7)).
struct ThreadRights {
  std::vector<gid_t> groups;
  uid_t file_user = 0;
  gid_t file_group = 0;
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> capabilities{};
};

bool GetCapabilities(ThreadRights& rights) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return ::syscall(SYS_capget, &header, rights.capabilities.data()) == 0;
}

bool SetCapabilities(const ThreadRights& rights) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return ::syscall(SYS_capset, &header, rights.capabilities.data()) == 0;
}

/// setfsuid and setfsgid report no errors; asking for an impossible id tells the present one.
bool SetFileUser(uid_t uid) {
  ::syscall(SYS_setfsuid, uid);
  return static_cast<uid_t>(::syscall(SYS_setfsuid, -1)) == uid;
}

bool SetFileGroup(gid_t gid) {
  ::syscall(SYS_setfsgid, gid);
  return static_cast<gid_t>(::syscall(SYS_setfsgid, -1)) == gid;
}

bool SetGroups(const std::vector<gid_t>& groups) {
  return ::syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
}

bool Get(ThreadRights& rights) {
  const int count = ::getgroups(0, nullptr);
  if (count < 0) return false;
  rights.groups.resize(static_cast<size_t>(count));
  if (::getgroups(count, rights.groups.data()) != count) return false;
  rights.file_user = static_cast<uid_t>(::syscall(SYS_setfsuid, -1));
  rights.file_group = static_cast<gid_t>(::syscall(SYS_setfsgid, -1));
  return GetCapabilities(rights);
}

/// While it lives, this thread opens files as the caller would.
class AsCaller {
 public:
  AsCaller() = default;
  AsCaller(const AsCaller&) = delete;
  AsCaller& operator=(const AsCaller&) = delete;

  bool Enter(const Identity& caller) {
    if (!Get(before_)) return false;
    entered_ = true;
    ThreadRights during = before_;
    // The kernel takes root's file capabilities away with the file user, but not all others; none are wanted.
    for (auto& word : during.capabilities) word.effective = 0;
    return SetGroups(caller.groups) && SetFileGroup(caller.gid) && SetFileUser(caller.uid) &&
           SetCapabilities(during);
  }

  ~AsCaller() {
    if (!entered_) return;
    // Capabilities first: they allow the rest. And last again, because the kernel adjusts them with the user.
    if (!SetCapabilities(before_) || !SetFileUser(before_.file_user) || !SetFileGroup(before_.file_group) ||
        !SetGroups(before_.groups) || !SetCapabilities(before_)) {
      std::abort();  // a thread with somebody's rights must not go on to other work
    }
  }

 private:
  ThreadRights before_;
  bool entered_ = false;
};

bool IsMyself(const Identity& caller) {
  return caller.uid == ::geteuid() && (caller.uid == 0 || caller.gid == ::getegid());
}

/// strerror's words, first letter in lower case as in all our messages.
std::string Cause(int err) {
  std::string text = std::generic_category().message(err);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

}  // namespace

namespace {

std::string CannotOpen(const Identity& caller, const std::string& path, std::string_view noun) {
  return "cannot open " + std::string(noun) + " '" + path + "' as user '" + UserName(caller.uid) + "'";
}

}  // namespace

Result<FileOrFolder> OpenFileOrFolderAsCaller(const Identity& caller, const std::string& path,
                                              std::string_view noun) {
  const auto what = [&] { return CannotOpen(caller, path, noun); };
  if (!path.starts_with('/')) {
    return Fail(ErrorCode::kInvalidArgument, what() + ": the path is not absolute");
  }
  UniqueFd fd;
  int err = 0;
  {
    std::optional<AsCaller> switched;
    if (!IsMyself(caller) && !switched.emplace().Enter(caller)) {
      return Fail(ErrorCode::kForbidden, what() + ": the daemon may not act as that user");
    }
    // Not blocking: a FIFO would wait for a writer. No magic links: /proc/self/fd/N means the daemon's files.
    open_how how{};
    how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    how.resolve = RESOLVE_NO_MAGICLINKS;
    fd.Reset(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
    err = errno;
  }
  if (!fd.Valid() && err == ENXIO) {  // a socket, or a device without a driver
    return Fail(ErrorCode::kInvalidArgument, what() + ": it is no regular file");
  }
  if (!fd.Valid()) return Fail(ErrnoError(err, "").code, what() + ": " + Cause(err));
  struct stat st {};
  if (::fstat(fd.Get(), &st) != 0) return Fail(ErrorCode::kIo, what() + ": " + Cause(errno));
  if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
    return Fail(ErrorCode::kInvalidArgument, what() + ": it is no regular file");
  }
  return FileOrFolder{std::move(fd), S_ISDIR(st.st_mode)};
}

Result<UniqueFd> OpenAsCaller(const Identity& caller, const std::string& path, std::string_view noun) {
  TRY_ASSIGN(FileOrFolder opened, OpenFileOrFolderAsCaller(caller, path, noun));
  if (opened.is_folder) {
    return Fail(ErrorCode::kInvalidArgument, CannotOpen(caller, path, noun) + ": it is a directory");
  }
  return std::move(opened.fd);
}

}  // namespace spawnd::daemon
