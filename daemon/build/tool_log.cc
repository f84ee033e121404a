#include "daemon/build/tool_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace spawnd::daemon {
namespace {

constexpr std::string_view kLimitReached = "\n[log limit reached, the rest is left out]\n";

/// False when the file takes no more.
bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

ToolLog::ToolLog(const std::string& path, size_t limit)
    : fd_(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) {
  struct stat st {};
  if (!fd_.Valid() || ::fstat(fd_.Get(), &st) != 0) return;
  const auto size = static_cast<size_t>(st.st_size);
  room_ = size < limit ? limit - size : 0;
}

void ToolLog::Append(std::string_view bytes) {
  if (room_ == 0 || bytes.empty()) return;
  const bool fits = bytes.size() <= room_;
  const std::string_view part = bytes.substr(0, room_);
  room_ -= part.size();
  if (!WriteAll(fd_.Get(), part) || (!fits && !WriteAll(fd_.Get(), kLimitReached))) room_ = 0;
}

}  // namespace spawnd::daemon
