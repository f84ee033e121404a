#include "daemon/sources/run_log.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/error.h"

namespace spawnd::daemon {
namespace {

constexpr size_t kTailBytes = 4096;
constexpr size_t kMaxLastLine = 768;  ///< of each of the two: how an error begins says most

void WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;  // a full disk: the run counts, not what it says
    text.remove_prefix(static_cast<size_t>(count));
  }
}

/// Leaves the last whole lines of the file.
Result<void> Shorten(int fd, const std::string& path) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return FailErrno(errno, "cannot look at '" + path + "'");
  if (st.st_size <= static_cast<off_t>(kKeptRunLogBytes)) return {};
  std::string kept(kKeptRunLogBytes, '\0');
  const ssize_t count = ::pread(fd, kept.data(), kept.size(), st.st_size - static_cast<off_t>(kept.size()));
  if (count < 0) return FailErrno(errno, "cannot read '" + path + "'");
  kept.resize(static_cast<size_t>(count));
  kept.erase(0, std::min(kept.find('\n') + 1, kept.size()));
  if (::ftruncate(fd, 0) != 0) return FailErrno(errno, "cannot shorten '" + path + "'");
  WriteAll(fd, kept);
  return {};
}

std::string_view Trimmed(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r";
  const size_t begin = line.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kBlanks) - begin + 1);
}

}  // namespace

Result<RunLog> RunLog::Open(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.Valid()) return FailErrno(errno, "cannot open '" + path + "'");
  TRY(Shorten(fd.Get(), path));
  return RunLog(std::move(fd));
}

void RunLog::Write(std::string_view text) {
  if (text.empty()) return;
  tail_.append(text);
  if (tail_.size() > kTailBytes) tail_.erase(0, tail_.size() - kTailBytes);
  if (written_ >= kMaxRunLogBytes) return;
  const std::string_view taken = text.substr(0, kMaxRunLogBytes - written_);
  WriteAll(fd_.Get(), taken);
  written_ += taken.size();
  line_is_open_ = taken.back() != '\n';
  if (written_ >= kMaxRunLogBytes) Note("... it says more than is kept");
}

void RunLog::Note(std::string_view line) {
  WriteAll(fd_.Get(), (line_is_open_ ? "\n" : "") + std::string(line) + "\n");
  line_is_open_ = false;
}

std::string RunLog::LastWords() const {
  std::vector<std::string_view> lines;
  std::string_view rest = tail_;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    if (const std::string_view line = Trimmed(rest.substr(0, end)); !line.empty()) lines.push_back(line);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  std::string words;
  const size_t first = lines.size() > 2 ? lines.size() - 2 : 0;
  for (size_t i = first; i < lines.size(); ++i)
    (words += words.empty() ? "" : " ") += lines[i].substr(0, kMaxLastLine);
  for (char& c : words) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return words;
}

}  // namespace spawnd::daemon
