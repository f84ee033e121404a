#include "daemon/init/network.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"

namespace spawnd::daemon {

Result<void> BringUpLoopback() {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.Valid()) return FailErrno(errno, "cannot make a socket in the container's network");
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(socket.Get(), SIOCSIFFLAGS, &request) != 0) {
    return FailErrno(errno, "cannot bring up the container's loopback");
  }
  return {};
}

}  // namespace spawnd::daemon
