#include "daemon/logs/log_tail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace spawnd::daemon {
namespace {

constexpr off_t kBlock = 64 * 1024;

Result<UniqueFd> OpenLog(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.Valid() && errno != ENOENT) return FailErrno(errno, "cannot open '" + path + "'");
  return fd;
}

Result<std::string> ReadAt(int fd, off_t at, size_t limit) {
  std::string bytes(limit, '\0');
  ssize_t n = 0;
  do {
    n = ::pread(fd, bytes.data(), bytes.size(), at);
  } while (n < 0 && errno == EINTR);
  if (n < 0) return FailErrno(errno, "cannot read a log");
  bytes.resize(static_cast<size_t>(n));
  return bytes;
}

off_t SizeOf(const UniqueFd& fd) {
  struct stat st {};
  return fd.Valid() && ::fstat(fd.Get(), &st) == 0 ? st.st_size : 0;
}

/// Where the last `lines` lines of the file begin; `lines` is what is still to be found before it, 0 when all
/// are in it. A newline at the very end of the log ends its last line and begins none.
Result<off_t> StartOfLast(const UniqueFd& fd, uint64_t& lines, bool& at_end) {
  for (off_t end = SizeOf(fd); end > 0;) {
    const off_t begin = end - std::min(end, kBlock);
    TRY_ASSIGN(const std::string block, ReadAt(fd.Get(), begin, static_cast<size_t>(end - begin)));
    for (size_t i = block.size(); i-- > 0;) {
      const bool ends_the_log = std::exchange(at_end, false);
      if (block[i] != '\n' || ends_the_log) continue;
      if (--lines == 0) return begin + static_cast<off_t>(i) + 1;
    }
    end = begin;
  }
  return off_t{0};
}

}  // namespace

Result<LogTail> LogTail::Open(const std::string& path, std::optional<uint64_t> lines) {
  LogTail tail(path);
  TRY_ASSIGN(tail.file_, OpenLog(path));
  TRY_ASSIGN(tail.older_, OpenLog(path + ".1"));
  if (lines) TRY(tail.Seek(*lines));
  return tail;
}

Result<void> LogTail::Seek(uint64_t lines) {
  at_ = SizeOf(file_);
  older_at_ = SizeOf(older_);
  if (lines == 0) return {};
  bool at_end = true;
  TRY_ASSIGN(at_, StartOfLast(file_, lines, at_end));
  if (lines == 0) return {};
  TRY_ASSIGN(older_at_, StartOfLast(older_, lines, at_end));
  return {};
}

void LogTail::CatchUp() {
  auto older = OpenLog(path_ + ".1");
  if (older && older->Valid()) {
    older_ = std::move(*older);
    older_at_ = at_;
  }
  at_ = 0;
}

Result<std::string> LogTail::Read(size_t limit) {
  if (!older_.Valid() && file_.Valid() && SizeOf(file_) < at_) CatchUp();
  if (older_.Valid()) {
    TRY_ASSIGN(std::string bytes, ReadAt(older_.Get(), older_at_, limit));
    older_at_ += static_cast<off_t>(bytes.size());
    if (!bytes.empty()) return bytes;
    older_.Reset();
  }
  if (!file_.Valid()) {
    TRY_ASSIGN(file_, OpenLog(path_));
    if (!file_.Valid()) return std::string();
  }
  TRY_ASSIGN(std::string bytes, ReadAt(file_.Get(), at_, limit));
  at_ += static_cast<off_t>(bytes.size());
  return bytes;
}

bool LogTail::Deleted() const {
  struct stat st {};
  if (file_.Valid()) return ::fstat(file_.Get(), &st) != 0 || st.st_nlink == 0;
  // One that never came: its folder tells.
  const std::string folder = path_.substr(0, path_.rfind('/'));
  return ::stat(folder.c_str(), &st) != 0;
}

}  // namespace spawnd::daemon
