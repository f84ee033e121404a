#include "daemon/keeper/engine_log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/descriptors.h"
#include "daemon/keeper/files.h"

namespace spawnd::daemon {
namespace {

/// So much an engine can print while the host's disk keeps the reader waiting.
constexpr size_t kPipeBytes = size_t{256} << 10;
constexpr size_t kReadBytes = size_t{64} << 10;

Result<UniqueFd> OpenLog(const std::string& path) {
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.Valid()) return FailErrno(errno, "cannot open '" + path + "'");
  return file;
}

}  // namespace

Result<std::unique_ptr<EngineLog>> EngineLog::Open(std::string path) {
  TRY_ASSIGN(UniqueFd file, OpenLog(path));
  const int64_t size = ::lseek(file.Get(), 0, SEEK_END);
  TRY_ASSIGN(Pipe pipe, MakePipe());
  // The reader's end alone: an engine expects that what it prints to waits for it. A pipe that stays as small
  // as it is serves as well.
  ::fcntl(pipe.read_end.Get(), F_SETFL, O_NONBLOCK);
  ::fcntl(pipe.read_end.Get(), F_SETPIPE_SZ, kPipeBytes);
  return std::unique_ptr<EngineLog>(new EngineLog(std::move(path), std::move(file), size,
                                                  std::move(pipe.read_end), std::move(pipe.write_end)));
}

EngineLog::~EngineLog() {
  if (!thread_.joinable()) return;
  ::eventfd_write(stop_.Get(), 1);
  thread_.join();
}

void EngineLog::Notice(std::string_view words, std::function<void()> seen) {
  notables_.push_back({std::string(words), std::move(seen)});
}

Result<void> EngineLog::Serve() {
  stop_.Reset(::eventfd(0, EFD_CLOEXEC));
  if (!stop_.Valid()) return FailErrno(errno, "cannot make an eventfd");
  writer_.Reset();
  thread_ = std::thread([this] { Run(); });
  return {};
}

void EngineLog::Run() {
  std::array<pollfd, 2> fds{{{reader_.Get(), POLLIN, 0}, {stop_.Get(), POLLIN, 0}}};
  while (true) {
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return;
    if (fds[1].revents != 0) return;
    const std::scoped_lock lock(mutex_);
    if (!Drain()) return;
  }
}

bool EngineLog::Drain() {
  std::array<char, kReadBytes> buffer;
  // No more than the pipe holds: an engine may print faster than this reads.
  for (size_t taken = 0; taken <= kPipeBytes;) {
    const ssize_t n = ::read(reader_.Get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN;
    if (n == 0) return false;
    Keep({buffer.data(), static_cast<size_t>(n)});
    taken += static_cast<size_t>(n);
  }
  return true;
}

void EngineLog::Keep(std::string_view bytes) {
  tail_ += bytes;
  printed_ += bytes.size();
  for (const Notable& one : notables_) {
    // Also where it came in two parts.
    const size_t fresh = std::min(tail_.size(), bytes.size() + one.words.size() - 1);
    if (std::string_view(tail_).substr(tail_.size() - fresh).find(one.words) != std::string_view::npos)
      one.seen();
  }
  if (tail_.size() > kTailBytes) tail_.erase(0, tail_.size() - kTailBytes);
  if (size_ >= kEngineLogBytes) BeginAnew();
  // What finds no room is lost: an engine that waited for a full disk would be worse.
  const ssize_t written = ::write(file_.Get(), bytes.data(), bytes.size());
  size_ += std::max<ssize_t>(written, 0);
}

/// A reader that has the file open reads it to its end, and finds another one at its path then.
void EngineLog::BeginAnew() {
  if (::rename(path_.c_str(), OlderLog(path_).c_str()) == 0) {
    if (auto file = OpenLog(path_)) {
      file_ = std::move(*file);
      size_ = 0;
      return;
    }
  }
  // There is no room for another file, so the one that is there is emptied.
  if (::ftruncate(file_.Get(), 0) == 0) size_ = 0;
}

void EngineLog::Mark() {
  const std::scoped_lock lock(mutex_);
  Drain();
  tail_.clear();
}

uint64_t EngineLog::Printed() {
  const std::scoped_lock lock(mutex_);
  Drain();
  return printed_;
}

std::string EngineLog::Tail(size_t limit) {
  const std::scoped_lock lock(mutex_);
  Drain();
  return tail_.substr(tail_.size() - std::min(tail_.size(), limit));
}

}  // namespace spawnd::daemon
