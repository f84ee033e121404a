#include "daemon/build/client_files.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "daemon/store/layout.h"
#include "daemon/store/spool_file.h"

namespace spawnd::daemon {
namespace {

constexpr int kLookMilliseconds = 200;  ///< for a reason to give up, while a pipe has nothing
constexpr size_t kReadBytes = 256 * 1024;

/// What reads as if it were a file, but depends on who reads it: the daemon is root.
constexpr std::array<long, 9> kMadeUp{PROC_SUPER_MAGIC,    SYSFS_MAGIC,      DEBUGFS_MAGIC,
                                      TRACEFS_MAGIC,       SECURITYFS_MAGIC, CGROUP_SUPER_MAGIC,
                                      CGROUP2_SUPER_MAGIC, BPF_FS_MAGIC,     PSTOREFS_MAGIC};

Result<void> CheckMode(int fd, const std::string& what) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return FailErrno(errno, "cannot use " + what);
  if ((flags & O_PATH) == 0 && (flags & O_ACCMODE) != O_WRONLY) return {};
  return Fail(ErrorCode::kInvalidArgument, what + " is not open for reading");
}

Result<void> CheckFileSystem(int fd, const std::string& what) {
  struct statfs system {};
  if (::fstatfs(fd, &system) != 0) return FailErrno(errno, "cannot use " + what);
  if (std::find(kMadeUp.begin(), kMadeUp.end(), static_cast<long>(system.f_type)) == kMadeUp.end()) return {};
  return Fail(ErrorCode::kInvalidArgument, what + " is one of the kernel's own files and not on a disk");
}

/// A description of our own, so that reading does not wait, and nobody else's setting changes.
Result<UniqueFd> Reopen(int pipe, const std::string& what) {
  UniqueFd own(::open(("/proc/self/fd/" + std::to_string(pipe)).c_str(),
                      O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!own.Valid()) return FailErrno(errno, "cannot read " + what);
  return own;
}

/// Bytes read from `own`, 0 at the end; waits. It is the client's descriptor that knows of the end: of a FIFO
/// whose last writer has gone before it was opened again, the other one waits for the next writer.
Result<size_t> ReadPipe(const BuildContext& context, int pipe, int own, std::string& buffer,
                        const std::string& what) {
  while (true) {
    TRY(context.StopRequested());
    pollfd polled{pipe, POLLIN, 0};
    const int ready = ::poll(&polled, 1, kLookMilliseconds);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    const ssize_t n = ready < 0 ? -1 : ::read(own, buffer.data(), buffer.size());
    if (n >= 0) return static_cast<size_t>(n);
    if (errno != EAGAIN && errno != EINTR) return FailErrno(errno, "cannot read " + what);
  }
}

Result<UniqueFd> Spool(const BuildContext& context, ClientFile file, const std::string& what, uid_t owner) {
  TRY_ASSIGN(const UniqueFd own, Reopen(file.fd.Get(), what));
  TRY_ASSIGN(SpoolFile spool, SpoolFile::Make(context.host.layout.Builds(), owner, context.host.disk));
  std::string buffer(kReadBytes, '\0');
  const std::string stage = "receiving " + file.name;
  context.progress.Stage(stage);
  while (true) {
    TRY_ASSIGN(const size_t count, ReadPipe(context, file.fd.Get(), own.Get(), buffer, what));
    if (count == 0) return spool.Take();
    const auto written = spool.Append(std::string_view(buffer).substr(0, count));
    if (!written) return Fail(written.error().Wrap("cannot receive " + what));
    context.progress.Bytes(stage, spool.Size(), 0);
  }
}

}  // namespace

Result<ReceivedFile> Receive(const BuildContext& context, ClientFile file, std::string_view noun,
                             uid_t owner) {
  const std::string what = std::string(noun) + " '" + file.name + "'";
  TRY(CheckMode(file.fd.Get(), what));
  struct stat st {};
  if (::fstat(file.fd.Get(), &st) != 0) return FailErrno(errno, "cannot use " + what);
  if (S_ISFIFO(st.st_mode)) {
    TRY_ASSIGN(UniqueFd spooled, Spool(context, std::move(file), what, owner));
    return ReceivedFile{std::move(spooled), false};
  }
  if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
    return Fail(ErrorCode::kInvalidArgument, what + " is no file, folder or pipe");
  }
  TRY(CheckFileSystem(file.fd.Get(), what));
  return ReceivedFile{std::move(file.fd), S_ISDIR(st.st_mode)};
}

}  // namespace spawnd::daemon
