#include "daemon/build/text_in_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace spawnd::daemon {

Result<UniqueFd> TextInMemory(const std::string& name, std::string_view text) {
  UniqueFd fd(::memfd_create("text", MFD_CLOEXEC));
  if (!fd.Valid()) return FailErrno(errno, "cannot hold '" + name + "' in memory");
  while (!text.empty()) {
    const ssize_t written = ::write(fd.Get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return FailErrno(errno, "cannot hold '" + name + "' in memory");
    text.remove_prefix(static_cast<size_t>(written));
  }
  if (::lseek(fd.Get(), 0, SEEK_SET) != 0) return FailErrno(errno, "cannot hold '" + name + "' in memory");
  return fd;
}

}  // namespace spawnd::daemon
