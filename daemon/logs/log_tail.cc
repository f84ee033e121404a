#include "daemon/logs/log_tail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "daemon/keeper/files.h"

namespace spawnd::daemon {
namespace {

constexpr off_t kBlock = 64 * 1024;

Result<UniqueFd> OpenLog(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.Valid() && errno != ENOENT) return FailErrno(errno, "cannot open '" + path + "'");
  return fd;
}

Result<UniqueFd> Copy(const UniqueFd& fd) {
  if (!fd.Valid()) return UniqueFd();
  UniqueFd copy(::fcntl(fd.Get(), F_DUPFD_CLOEXEC, 0));
  if (!copy.Valid()) return FailErrno(errno, "cannot open a log once more");
  return copy;
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

bool SameFile(const struct stat& file, const UniqueFd& fd) {
  struct stat other {};
  return fd.Valid() && ::fstat(fd.Get(), &other) == 0 && file.st_dev == other.st_dev &&
         file.st_ino == other.st_ino;
}

bool SameFile(const UniqueFd& left, const UniqueFd& right) {
  struct stat st {};
  return left.Valid() && ::fstat(left.Get(), &st) == 0 && SameFile(st, right);
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
  TRY_ASSIGN(tail.older_, OpenLog(OlderLog(path)));
  if (SameFile(tail.older_, tail.file_)) tail.older_.Reset();  // renamed between the two
  if (lines) TRY(tail.Seek(*lines));
  return tail;
}

Result<LogTail> LogTail::Fork() const {
  LogTail other(path_);
  TRY_ASSIGN(other.file_, Copy(file_));
  TRY_ASSIGN(other.older_, Copy(older_));
  other.at_ = at_;
  other.older_at_ = older_at_;
  return other;
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

/// Turns to the file that stands at the path now, when that is another; false when it is the same, or none
/// yet.
Result<bool> LogTail::TurnOver() {
  TRY_ASSIGN(UniqueFd next, OpenLog(path_));
  if (!next.Valid() || SameFile(next, file_)) return false;
  // The one before it is this one, unless the log has begun anew more than once meanwhile.
  if (file_.Valid()) {
    TRY_ASSIGN(older_, OpenLog(OlderLog(path_)));
    if (SameFile(older_, file_)) older_.Reset();
    older_at_ = 0;
  }
  file_ = std::move(next);
  at_ = 0;
  return true;
}

Result<std::string> LogTail::ReadOlder(size_t limit) {
  if (!older_.Valid()) return std::string();
  TRY_ASSIGN(std::string bytes, ReadAt(older_.Get(), older_at_, limit));
  older_at_ += static_cast<off_t>(bytes.size());
  if (bytes.empty()) older_.Reset();
  return bytes;
}

Result<std::string> LogTail::ReadFile(size_t limit) {
  if (!file_.Valid()) return std::string();
  if (SizeOf(file_) < at_) at_ = 0;  // emptied, for want of room for another
  TRY_ASSIGN(std::string bytes, ReadAt(file_.Get(), at_, limit));
  at_ += static_cast<off_t>(bytes.size());
  return bytes;
}

Result<std::string> LogTail::Read(size_t limit) {
  TRY_ASSIGN(std::string bytes, ReadOlder(limit));
  if (bytes.empty()) {
    TRY_ASSIGN(bytes, ReadFile(limit));
  }
  if (!bytes.empty()) return bytes;
  struct stat st {};
  const bool same = ::stat(path_.c_str(), &st) != 0 || SameFile(st, file_);
  if (same) return bytes;
  // What was written before it was renamed, and after the look above.
  TRY_ASSIGN(bytes, ReadFile(limit));
  if (!bytes.empty()) return bytes;
  TRY_ASSIGN(const bool turned, TurnOver());
  return turned ? Read(limit) : std::move(bytes);
}

bool LogTail::Deleted() const {
  struct stat st {};
  if (::stat(path_.c_str(), &st) == 0) return false;
  // Between two files there is the older one; of one that never came its folder tells.
  const std::string other = file_.Valid() ? OlderLog(path_) : path_.substr(0, path_.rfind('/'));
  return ::stat(other.c_str(), &st) != 0 && errno == ENOENT;
}

}  // namespace spawnd::daemon
