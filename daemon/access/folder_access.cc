#include "daemon/access/folder_access.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/accounts.h"

namespace spawnd::daemon {
namespace {

constexpr uint32_t kOverrideModes = 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH;
/// A folder that somebody renames in at the moment lets the kernel say so, instead of where the path leads.
constexpr int kTries = 100;

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

/// While it lives, this thread opens files as the client would.
class AsClient {
 public:
  AsClient() = default;
  AsClient(const AsClient&) = delete;
  AsClient& operator=(const AsClient&) = delete;

  bool Enter(const FileRights& rights) {
    if (!Get(before_)) return false;
    entered_ = true;
    ThreadRights during = before_;
    // The kernel takes root's file capabilities away with the file user, but not all others, and none from
    // user 0; none are wanted but those that the client has.
    for (auto& word : during.capabilities) word.effective = 0;
    if (rights.overrides_modes) {
      during.capabilities[0].effective = before_.capabilities[0].effective & kOverrideModes;
    }
    const Identity& client = rights.identity;
    return SetGroups(client.groups) && SetFileGroup(client.gid) && SetFileUser(client.uid) &&
           SetCapabilities(during);
  }

  ~AsClient() {
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

bool IsMyself(const Identity& client) {
  return ::geteuid() != 0 && client.uid == ::geteuid() && client.gid == ::getegid();
}

std::string FirstBytes(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> text{};
  const ssize_t n = fd.Valid() ? ::read(fd.Get(), text.data(), text.size()) : -1;
  return {text.data(), static_cast<size_t>(n > 0 ? n : 0)};
}

/// The effective capabilities in the status of a process; 0 when they cannot be told.
uint64_t EffectiveCapabilities(const std::string& process) {
  constexpr std::string_view kLine = "\nCapEff:\t";
  const std::string status = FirstBytes(process + "/status");
  const size_t at = status.find(kLine);
  uint64_t capabilities = 0;
  if (at == std::string::npos) return 0;
  const char* digits = status.data() + at + kLine.size();
  const auto [end, error] = std::from_chars(digits, status.data() + status.size(), capabilities, 16);
  return error == std::errc() ? capabilities : 0;
}

/// Capabilities count in the user namespace that they are held in.
bool SameUserNamespace(const std::string& process) {
  struct stat theirs {};
  struct stat ours {};
  return ::stat((process + "/ns/user").c_str(), &theirs) == 0 && ::stat("/proc/self/ns/user", &ours) == 0 &&
         theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

int OpenOnce(int folder_fd, const std::string& path, uint64_t flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  for (int tries = 0; tries < kTries; ++tries) {
    const int fd = static_cast<int>(::syscall(SYS_openat2, folder_fd, path.c_str(), &how, sizeof how));
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) return fd;
  }
  return -1;
}

/// In lower case as in all our messages.
tl::unexpected<Error> Because(int err) {
  if (err == EXDEV) {
    return Fail(ErrorCode::kInvalidArgument, "it is a link that leads out of the folder",
                "Put the file itself there.");
  }
  std::string text = std::generic_category().message(err);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return Fail(ErrnoError(err, "").code, std::move(text));
}

Result<bool> IsFolder(int fd) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return Because(errno);
  if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) return S_ISDIR(st.st_mode);
  return Fail(ErrorCode::kInvalidArgument, "it is no regular file");
}

/// What is there is looked at before it is opened, because opening a device may do something.
Result<FileOrFolder> LookAndOpen(int folder_fd, const std::string& path) {
  const UniqueFd found(OpenOnce(folder_fd, path, O_PATH));
  if (!found.Valid()) return Because(errno);
  TRY(IsFolder(found.Get()).map([](bool) {}));
  UniqueFd fd(OpenOnce(folder_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (!fd.Valid()) return Because(errno);
  TRY_ASSIGN(const bool is_folder, IsFolder(fd.Get()));
  return FileOrFolder{std::move(fd), is_folder};
}

Result<FileOrFolder> OpenAs(const FileRights& rights, int folder_fd, const std::string& path) {
  std::optional<AsClient> switched;
  if (!IsMyself(rights.identity) && !switched.emplace().Enter(rights)) {
    return Fail(ErrorCode::kForbidden, "the daemon may not act as that user");
  }
  return LookAndOpen(folder_fd, path);
}

}  // namespace

FileRights RightsOf(const Identity& identity, pid_t pid, const std::shared_ptr<const UniqueFd>& process) {
  FileRights rights{identity, false};
  if (identity.uid != 0 || !process || pid <= 0) return rights;
  const std::string path = "/proc/" + std::to_string(pid);
  const bool overrides = SameUserNamespace(path) && (EffectiveCapabilities(path) & kOverrideModes) != 0;
  // Last: as long as the process is there, its number was its own.
  rights.overrides_modes = overrides && ::syscall(SYS_pidfd_send_signal, process->Get(), 0, nullptr, 0) == 0;
  return rights;
}

Result<FileOrFolder> OpenBeneath(const FileRights& rights, int folder_fd, const std::string& path,
                                 const std::string& what) {
  auto opened = OpenAs(rights, folder_fd, path);
  if (opened) return opened;
  return Fail(
      opened.error().Wrap("cannot open " + what + " as user '" + UserName(rights.identity.uid) + "'"));
}

namespace {

constexpr int kDeepest = 64;

using TellFile = std::function<void(const std::string&, const struct stat&)>;

/// `left`: how many files may still be told of. Entries of a folder that cannot be read are not there for the
/// client either.
void Walk(UniqueFd folder, const std::string& path, int depth, size_t& left, const TellFile& tell) {
  const int fd = folder.Get();
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(fd), ::closedir);
  if (!entries) return;
  static_cast<void>(folder.Release());
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string name = entry->d_name;
    struct stat st {};
    if (left == 0) return;
    if (name == "." || name == ".." || ::fstatat(fd, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISREG(st.st_mode)) {
      --left;
      tell(path + name, st);
    } else if (S_ISDIR(st.st_mode) && depth < kDeepest) {
      UniqueFd below(
          ::openat(fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
      if (below.Valid()) Walk(std::move(below), path + name + "/", depth + 1, left, tell);
    }
  }
}

}  // namespace

Result<void> EachFileBeneath(const FileRights& rights, int folder_fd, size_t most, const TellFile& tell) {
  std::optional<AsClient> switched;
  if (!IsMyself(rights.identity) && !switched.emplace().Enter(rights)) {
    return Fail(ErrorCode::kForbidden, "the daemon may not act as that user");
  }
  UniqueFd folder(OpenOnce(folder_fd, ".", O_RDONLY | O_DIRECTORY));
  if (!folder.Valid()) return Because(errno);
  Walk(std::move(folder), "", 0, most, tell);
  return {};
}

bool MayOpenAgain(const FileRights& rights, int fd) {
  std::optional<AsClient> switched;
  if (!IsMyself(rights.identity) && !switched.emplace().Enter(rights)) return false;
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)).Valid();
}

}  // namespace spawnd::daemon
