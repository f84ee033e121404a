#include "daemon/store/state_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

namespace spawnd::daemon {

Result<UniqueFd> LockStateDirectory(const std::string& state_directory) {
  const std::string path = state_directory + "/lock";
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.Valid()) return FailErrno(errno, "cannot open '" + path + "'");
  if (::flock(fd.Get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return FailErrno(errno, "cannot lock '" + path + "'");
    return Fail(ErrorCode::kInUse,
                "cannot use state directory '" + state_directory + "': another spawnd does",
                "Stop it, or give another --state-dir.");
  }
  return fd;
}

}  // namespace spawnd::daemon
