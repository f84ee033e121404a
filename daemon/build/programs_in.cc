#include "daemon/build/programs_in.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <optional>

#include "base/unique_fd.h"

namespace spawnd::daemon {
namespace {

constexpr size_t kMaxPrograms = 100;

struct FolderId {
  uint64_t device = 0;
  uint64_t inode = 0;
  bool operator==(const FolderId&) const = default;
};

/// What the kernel knows already: a process may work on a file system that answers never.
std::optional<FolderId> IdOf(int at, const char* path, int flags) {
  struct statx st {};
  if (::statx(at, path, flags | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, &st) != 0)
    return std::nullopt;
  return FolderId{(uint64_t{st.stx_dev_major} << 32U) | st.stx_dev_minor, st.stx_ino};
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

std::string NameOf(const std::string& process) {
  const UniqueFd fd(::open((process + "/comm").c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 64> name{};
  const ssize_t n = fd.Valid() ? ::read(fd.Get(), name.data(), name.size()) : 0;
  std::string text(name.data(), n > 0 ? static_cast<size_t>(n) : 0);
  return text.substr(0, text.find('\n'));
}

}  // namespace

std::vector<std::string> ProgramsIn(int folder_fd) {
  std::vector<std::string> programs;
  const auto folder = IdOf(folder_fd, "", AT_EMPTY_PATH);
  const std::unique_ptr<DIR, CloseFolder> processes(::opendir("/proc"));
  if (!folder || processes == nullptr) return programs;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of this call's own
  while (const dirent* entry = ::readdir(processes.get())) {
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
    const std::string process = std::string("/proc/") + entry->d_name;
    if (IdOf(AT_FDCWD, (process + "/cwd").c_str(), 0) != folder) continue;
    programs.push_back(NameOf(process));
    if (programs.size() == kMaxPrograms) break;
  }
  return programs;
}

}  // namespace spawnd::daemon
