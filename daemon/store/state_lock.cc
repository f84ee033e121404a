#include "daemon/store/state_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <thread>

namespace spawnd::daemon {
namespace {

/// The kernel frees the lock of a killed process only when the last of its threads has gone, which on a busy
/// machine is after it is seen to be dead.
constexpr std::chrono::seconds kPatience{2};
constexpr std::chrono::milliseconds kBetweenTries{10};

/// 0, or errno.
int Lock(int fd) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK || std::chrono::steady_clock::now() > end) return errno;
    std::this_thread::sleep_for(kBetweenTries);
  }
  return 0;
}

}  // namespace

Result<UniqueFd> LockStateDirectory(const std::string& state_directory) {
  const std::string path = state_directory + "/lock";
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.Valid()) return FailErrno(errno, "cannot open '" + path + "'");
  if (const int error = Lock(fd.Get()); error != 0) {
    if (error != EWOULDBLOCK) return FailErrno(error, "cannot lock '" + path + "'");
    return Fail(ErrorCode::kInUse,
                "cannot use state directory '" + state_directory + "': another spawnd does",
                "Stop it, or give another --state-dir.");
  }
  return fd;
}

}  // namespace spawnd::daemon
