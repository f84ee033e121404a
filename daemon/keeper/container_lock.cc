#include "daemon/keeper/container_lock.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <thread>

#include "daemon/keeper/files.h"

namespace spawnd::daemon {
namespace {

using std::chrono::milliseconds;
/// Two numbers and the blanks behind them.
constexpr size_t kNoteBytes = 64;

using Deadline = std::chrono::steady_clock::time_point;

Deadline After(milliseconds patience) {
  return std::chrono::steady_clock::now() + patience;
}

std::string PathIn(const std::string& directory) {
  return directory + "/" + kLockName;
}

/// When a process began, in clock ticks since the boot, which tells it from a later one with its number; 0:
/// there is none.
uint64_t StartOf(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  // The name in parentheses may hold anything, spaces and parentheses too. The start is field 22, the first
  // after the name is field 3.
  constexpr int kFieldsBetween = 19;
  std::istringstream fields(line.substr(std::min(line.size(), line.rfind(')') + 1)));
  std::string skipped;
  for (int i = 0; i < kFieldsBetween; ++i) fields >> skipped;
  uint64_t start = 0;
  fields >> start;
  return fields ? start : 0;
}

/// Process 1 of the container, as a descriptor that polls readable at its end; invalid when it is gone.
UniqueFd NotedProcess(int lock_fd) {
  std::array<char, kNoteBytes + 1> text{};
  if (::pread(lock_fd, text.data(), text.size() - 1, 0) <= 0) return {};
  std::istringstream fields(text.data());
  pid_t pid = 0;
  uint64_t start = 0;
  if (!(fields >> pid >> start) || pid <= 0) return {};
  UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  // Looked at once it cannot be another any more.
  return process.Valid() && StartOf(pid) == start ? std::move(process) : UniqueFd();
}

bool HasEnded(const UniqueFd& process, milliseconds wait) {
  if (!process.Valid()) return true;
  pollfd poll_fd{process.Get(), POLLIN, 0};
  return ::poll(&poll_fd, 1, static_cast<int>(wait.count())) > 0;
}

Result<void> Await(int lock_fd, const std::string& path, Deadline end) {
  while (::flock(lock_fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return FailErrno(errno, "cannot lock '" + path + "'");
    if (std::chrono::steady_clock::now() > end) return Fail(ErrorCode::kTimeout, "'" + path + "' is held");
    std::this_thread::sleep_for(milliseconds(1));
  }
  const auto left = std::chrono::duration_cast<milliseconds>(end - std::chrono::steady_clock::now());
  if (HasEnded(NotedProcess(lock_fd), std::max(left, milliseconds(0)))) return {};
  return Fail(ErrorCode::kTimeout, "a container's processes do not end");
}

/// Invalid when there is none.
Result<UniqueFd> OpenExisting(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd.Valid() && errno != ENOENT) return FailErrno(errno, "cannot open '" + path + "'");
  return fd;
}

}  // namespace

Result<ContainerLock> ContainerLock::Take(const std::string& directory, milliseconds patience) {
  const std::string path = PathIn(directory);
  ContainerLock lock(UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)));
  if (!lock.fd_.Valid()) return FailErrno(errno, "cannot open '" + path + "'");
  TRY(Await(lock.Descriptor(), path, After(patience)));
  return lock;
}

void ContainerLock::NoteProcess(pid_t pid) {
  // Always as long, in place of what a predecessor wrote: on a full disk that needs no room. Where even the
  // first finds none, successors wait for the lock alone, which is milliseconds less.
  std::string text = std::to_string(pid) + " " + std::to_string(StartOf(pid));
  text.resize(kNoteBytes, ' ');
  [[maybe_unused]] const ssize_t written = ::pwrite(fd_.Get(), text.data(), text.size(), 0);
}

Result<void> ContainerLock::AwaitRelease(const std::string& directory, milliseconds patience) {
  TRY_ASSIGN(const UniqueFd fd, OpenExisting(PathIn(directory)));
  return fd.Valid() ? Await(fd.Get(), PathIn(directory), After(patience)) : Result<void>();
}

Result<bool> ContainerLock::IsHeld(const std::string& directory) {
  const std::string path = PathIn(directory);
  TRY_ASSIGN(const UniqueFd fd, OpenExisting(path));
  if (!fd.Valid()) return false;
  if (::flock(fd.Get(), LOCK_EX | LOCK_NB) == 0) return !HasEnded(NotedProcess(fd.Get()), milliseconds(0));
  if (errno == EWOULDBLOCK) return true;
  return FailErrno(errno, "cannot lock '" + path + "'");
}

}  // namespace spawnd::daemon
