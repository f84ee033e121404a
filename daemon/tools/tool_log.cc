#include "daemon/tools/tool_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptors.h"

namespace spawnd::daemon {
namespace {

constexpr std::string_view kLimitReached = "\n[log limit reached, the rest is left out]\n";

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
  if (WriteAll(fd_.Get(), part) != 0 || (!fits && WriteAll(fd_.Get(), kLimitReached) != 0)) room_ = 0;
}

}  // namespace spawnd::daemon
