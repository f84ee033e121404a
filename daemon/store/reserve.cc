#include "daemon/store/reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>

#include "base/unique_fd.h"

namespace spawnd::daemon {
namespace {

constexpr int64_t kPieceBytes = int64_t{4} << 20U;
/// Filling it must not be what makes the disk full.
constexpr uint64_t kSpareFactor = 4;

}  // namespace

void SpaceReserve::Fill() {
  struct stat file {};
  if (::stat(path_.c_str(), &file) == 0 && file.st_size >= kReserveBytes) return;
  struct statvfs disk {};
  const std::string folder = path_.substr(0, path_.rfind('/'));
  if (::statvfs(folder.c_str(), &disk) != 0) return;
  if (uint64_t{disk.f_bavail} * disk.f_frsize < kSpareFactor * kReserveBytes) return;
  const UniqueFd fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  // A file system that cannot allocate ahead has no reserve; that is all.
  if (fd.Valid()) [[maybe_unused]]
    const int refused = ::fallocate(fd.Get(), 0, 0, kReserveBytes);
}

bool SpaceReserve::Give() {
  const UniqueFd fd(::open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat file {};
  if (!fd.Valid() || ::fstat(fd.Get(), &file) != 0 || file.st_size == 0) return false;
  if (::ftruncate(fd.Get(), std::max<off_t>(0, file.st_size - kPieceBytes)) != 0) return false;
  // ext4 gives the blocks back when the truncation is committed, not before.
  return ::fsync(fd.Get()) == 0;
}

}  // namespace spawnd::daemon
