#include "client/http/sent_files.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "base/descriptors.h"

namespace spawnd::client {
namespace {

constexpr size_t kPiece = size_t{64} << 10U;
constexpr size_t kHead = 4;

Error Broken() {
  return {ErrorCode::kUnavailable, "the connection ended while a file was sent",
          "What ssh said stands above; `ssh HOST spawnctl version` shows whether spawnctl is there."};
}

Result<void> AwaitWritable(int fd, int cancel_fd) {
  while (true) {
    std::array<pollfd, 2> fds{{{fd, POLLOUT, 0}, {cancel_fd, POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) {
      return FailErrno(errno, "cannot wait for the connection");
    }
    if (fds[1].revents != 0) return Fail(ErrorCode::kCancelled, "cancelled");
    if (fds[0].revents != 0) return {};
  }
}

Result<void> SendBytes(int connection, std::string_view bytes, int cancel_fd) {
  while (!bytes.empty()) {
    TRY(AwaitWritable(connection, cancel_fd));
    const ssize_t sent = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) bytes.remove_prefix(static_cast<size_t>(sent));
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return Fail(Broken());
  }
  return {};
}

Result<void> SendPiece(int connection, std::string_view bytes, int cancel_fd) {
  const auto length = static_cast<uint32_t>(bytes.size());
  const std::array<char, kHead> head{static_cast<char>(length >> 24U), static_cast<char>(length >> 16U),
                                     static_cast<char>(length >> 8U), static_cast<char>(length)};
  TRY(SendBytes(connection, {head.data(), head.size()}, cancel_fd));
  return SendBytes(connection, bytes, cancel_fd);
}

/// Until its end; a pipe is read as somebody writes to it.
Result<void> SendStream(int connection, int file, int cancel_fd) {
  std::string buffer(kPiece, '\0');
  while (true) {
    std::array<pollfd, 2> fds{{{file, POLLIN, 0}, {cancel_fd, POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR)
      return FailErrno(errno, "cannot wait for a file");
    if (fds[1].revents != 0) return Fail(ErrorCode::kCancelled, "cancelled");
    const ssize_t n = ::read(file, buffer.data(), buffer.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return FailErrno(errno, "cannot read a file that is to be sent");
    TRY(SendPiece(connection, {buffer.data(), static_cast<size_t>(n)}, cancel_fd));
    if (n == 0) return {};
  }
}

struct Tar {
  pid_t pid = -1;
  UniqueFd pipe;
};

/// tar(1) in `folder`, with our end of its standard input or output.
Result<Tar> StartTar(int folder, bool extracts) {
  TRY_ASSIGN(Pipe pipe, MakePipe());
  const pid_t pid = ::fork();
  if (pid < 0) return FailErrno(errno, "cannot run 'tar'");
  if (pid == 0) {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    const int end = extracts ? pipe.read_end.Get() : pipe.write_end.Get();
    if (::fchdir(folder) != 0 || ::dup2(end, extracts ? STDIN_FILENO : STDOUT_FILENO) < 0) ::_exit(127);
    if (extracts) {
      ::execlp("tar", "tar", "-x", "-f", "-", "--no-same-owner", "--no-same-permissions", nullptr);
    } else {
      ::execlp("tar", "tar", "-c", "-f", "-", "--", ".", nullptr);
    }
    ::_exit(127);
  }
  return Tar{pid, extracts ? std::move(pipe.write_end) : std::move(pipe.read_end)};
}

Result<void> EndTar(Tar tar, bool kill) {
  tar.pipe.Reset();
  if (kill) ::kill(tar.pid, SIGKILL);
  int status = 0;
  while (::waitpid(tar.pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (kill || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) return {};
  return Fail(ErrorCode::kIo, "tar(1) did not get all of a folder", "What it said stands above.");
}

Result<void> SendFolder(int connection, int folder, int cancel_fd) {
  TRY_ASSIGN(Tar tar, StartTar(folder, false));
  auto sent = SendStream(connection, tar.pipe.Get(), cancel_fd);
  auto ended = EndTar(std::move(tar), !sent.has_value());
  return sent ? ended : sent;
}

/// All of the bytes that were asked for.
Result<void> ReadExactly(int connection, char* into, size_t count) {
  while (count > 0) {
    const ssize_t n = ::read(connection, into, count);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(errno, "cannot receive a file");
    if (n == 0) return Fail(ErrorCode::kUnavailable, "the connection ended in the middle of a file");
    into += n;
    count -= static_cast<size_t>(n);
  }
  return {};
}

/// The next piece; empty: the file ends.
Result<std::string> ReadPiece(int connection) {
  std::array<char, kHead> head{};
  TRY(ReadExactly(connection, head.data(), head.size()));
  uint32_t length = 0;
  for (const char c : head) length = length << 8U | static_cast<unsigned char>(c);
  if (length > kPiece) return Fail(ErrorCode::kInvalidArgument, "what comes is no file of spawnctl's");
  std::string piece(length, '\0');
  TRY(ReadExactly(connection, piece.data(), piece.size()));
  return piece;
}

Result<void> CopyPieces(int connection, int into) {
  while (true) {
    TRY_ASSIGN(const std::string piece, ReadPiece(connection));
    if (piece.empty()) return {};
    if (const int err = WriteAll(into, piece); err != 0)
      return FailErrno(err, "cannot keep a file that was sent");
  }
}

}  // namespace

Result<std::string> KindsOf(const std::vector<int>& files) {
  std::string kinds;
  for (const int file : files) {
    struct stat st {};
    if (::fstat(file, &st) != 0) return FailErrno(errno, "cannot look at a file that is to be sent");
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode)) {
      return Fail(ErrorCode::kInvalidArgument, "only files and folders can be sent through ssh");
    }
    kinds += S_ISDIR(st.st_mode) ? 'd' : 'f';
  }
  return kinds;
}

Result<void> SendFiles(int connection, const std::vector<int>& files, int cancel_fd) {
  TRY_ASSIGN(const std::string kinds, KindsOf(files));
  for (size_t i = 0; i < files.size(); ++i) {
    TRY(kinds[i] == 'd' ? SendFolder(connection, files[i], cancel_fd)
                        : SendStream(connection, files[i], cancel_fd));
  }
  return {};
}

ReceivedFiles::~ReceivedFiles() {
  if (folder_.empty()) return;
  std::error_code failed;  // nobody is left to hear of it
  std::filesystem::remove_all(folder_, failed);
}

Result<void> ReceivedFiles::MakeFolder() {
  if (!folder_.empty()) return {};
  const char* named = ::getenv("TMPDIR");
  // Not /tmp, which may be memory.
  std::string folder =
      std::string(named != nullptr && *named == '/' ? named : "/var/tmp") + "/spawnctl-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return FailErrno(errno, fmt::format("cannot make '{}'", folder));
  folder_ = folder;
  return {};
}

Result<UniqueFd> ReceivedFiles::ReceiveFile(int connection) {
  UniqueFd file(::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file.Valid()) return FailErrno(errno, fmt::format("cannot make a file in '{}'", folder_));
  TRY(CopyPieces(connection, file.Get()));
  // What the daemon gets is for reading.
  UniqueFd readable(::open(fmt::format("/proc/self/fd/{}", file.Get()).c_str(), O_RDONLY | O_CLOEXEC));
  if (!readable.Valid()) return FailErrno(errno, "cannot open a file that was sent");
  return readable;
}

Result<UniqueFd> ReceivedFiles::ReceiveFolder(int connection, size_t number) {
  const std::string path = fmt::format("{}/{}", folder_, number);
  if (::mkdir(path.c_str(), 0700) != 0) return FailErrno(errno, fmt::format("cannot make '{}'", path));
  UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.Valid()) return FailErrno(errno, fmt::format("cannot open '{}'", path));
  TRY_ASSIGN(Tar tar, StartTar(folder.Get(), true));
  auto copied = CopyPieces(connection, tar.pipe.Get());
  auto ended = EndTar(std::move(tar), !copied.has_value());
  if (!copied) return Fail(copied.error());
  if (!ended) return Fail(ended.error());
  return folder;
}

Result<void> ReceivedFiles::Receive(int connection, std::string_view kinds) {
  for (const char kind : kinds) {
    if (kind != 'f' && kind != 'd') {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is no kind of file", kind),
                  "There are f and d.");
    }
    TRY(MakeFolder());
    TRY_ASSIGN(UniqueFd file,
               kind == 'd' ? ReceiveFolder(connection, files_.size()) : ReceiveFile(connection));
    files_.push_back(std::move(file));
  }
  return {};
}

std::vector<int> ReceivedFiles::Descriptors() const {
  std::vector<int> descriptors;
  descriptors.reserve(files_.size());
  for (const UniqueFd& file : files_) descriptors.push_back(file.Get());
  return descriptors;
}

}  // namespace spawnd::client
