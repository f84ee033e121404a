#include "daemon/tools/text_in_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "base/descriptors.h"

namespace spawnd::daemon {

Result<UniqueFd> TextInMemory(const std::string& name, std::string_view text) {
  UniqueFd fd(::memfd_create("text", MFD_CLOEXEC));
  if (!fd.Valid()) return FailErrno(errno, "cannot hold '" + name + "' in memory");
  if (const int error = WriteAll(fd.Get(), text); error != 0) {
    return FailErrno(error, "cannot hold '" + name + "' in memory");
  }
  if (::lseek(fd.Get(), 0, SEEK_SET) != 0) return FailErrno(errno, "cannot hold '" + name + "' in memory");
  return fd;
}

}  // namespace spawnd::daemon
