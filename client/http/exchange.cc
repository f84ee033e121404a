#include "client/http/exchange.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <span>
#include <system_error>
#include <utility>

#include "base/ancillary.h"
#include "client/http/response.h"

namespace spawnd::client {
namespace {

using Clock = std::chrono::steady_clock;

constexpr time_t kConnectSeconds = 10;  ///< a daemon whose backlog stays full that long is not coming back
constexpr size_t kReadBytes = 64 * 1024;

/// Collects the body: whole, or line by line when it is a stream.
class BodySink {
 public:
  BodySink(const HttpResponseParser& parser, const Waiting& waiting) : parser_(parser), waiting_(waiting) {}

  Result<void> Take(std::string_view bytes) {
    if (waiting_.on_text && parser_.Status() == 200 && IsText()) return waiting_.on_text(bytes);
    if (!IsStream()) {
      if (body_.size() + bytes.size() > kMaxBodyBytes) {
        return Fail(ErrorCode::kUnavailable,
                    fmt::format("the answer is longer than {} bytes", kMaxBodyBytes));
      }
      body_ += bytes;
      return {};
    }
    while (!bytes.empty()) {
      const size_t newline = bytes.find('\n');
      const std::string_view piece = bytes.substr(0, newline);
      if (body_.size() + piece.size() > kMaxLineBytes) {
        return Fail(ErrorCode::kUnavailable,
                    fmt::format("a line of the answer is longer than {} bytes", kMaxLineBytes));
      }
      body_ += piece;
      if (newline == std::string_view::npos) return {};
      bytes.remove_prefix(newline + 1);
      const std::string line = std::exchange(body_, {});
      if (!line.empty()) TRY(waiting_.on_line(line));
    }
    return {};
  }

  /// After the end of the response: a stream must not stop in the middle of a line.
  Result<HttpResponse> Finish() {
    if (IsStream() && !body_.empty()) {
      return Fail(ErrorCode::kUnavailable, "the connection was closed in the middle of the answer");
    }
    return HttpResponse{parser_.Status(), std::move(body_)};
  }

 private:
  bool IsText() const {
    return parser_.ContentType() == "text/plain" || parser_.ContentType() == "application/octet-stream";
  }
  bool IsStream() const { return waiting_.on_line && parser_.ContentType() == "application/x-ndjson"; }

  const HttpResponseParser& parser_;
  const Waiting& waiting_;
  std::string body_;  ///< of a stream: the line that has begun
};

/// Waits until the socket is ready for `events`; keeps the ticks going, watches for cancellation.
class Waiter {
 public:
  Waiter(int fd, const Waiting& waiting)
      : fd_(fd), waiting_(waiting), start_(Clock::now()), deadline_(waiting.deadline) {}

  /// From here on the daemon may act on the request.
  void RequestSent() { sent_ = true; }

  Result<void> For(short events) {
    while (true) {
      std::array<pollfd, 2> polled{{{fd_, events, 0}, {waiting_.cancel_fd, POLLIN, 0}}};
      const int ready = ::poll(polled.data(), polled.size(), NextTimeout());
      if (ready < 0 && errno != EINTR) return FailErrno(errno, "cannot wait for spawnd");
      if (ready > 0 && polled[1].revents != 0) {
        TRY(Cancel());
        continue;
      }
      if (ready > 0 && polled[0].revents != 0) return {};
      if (deadline_.count() > 0 && Clock::now() - start_ >= deadline_) {
        return Fail(ErrorCode::kTimeout,
                    fmt::format("spawnd did not answer within {} seconds", deadline_.count() / 1000));
      }
      if (waiting_.on_tick) waiting_.on_tick();
    }
  }

 private:
  /// Half closed: the daemon sees the end, and its answer still comes through.
  Result<void> Cancel() {
    if (!waiting_.on_cancel || !sent_) return Fail(ErrorCode::kCancelled, "cancelled");
    if (std::exchange(leaving_, true)) return Fail(ErrorCode::kTimeout, "its end is not waited for");
    waiting_.on_cancel();
    ::shutdown(fd_, SHUT_WR);  // a daemon that is gone is noticed when its answer is read
    start_ = Clock::now();
    deadline_ = kHearOut;
    return {};
  }

  int NextTimeout() const {
    int64_t timeout = waiting_.on_tick ? waiting_.tick.count() : -1;
    if (deadline_.count() > 0) {
      const auto gone = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start_);
      const int64_t left = std::max<int64_t>(0, (deadline_ - gone).count());
      timeout = timeout < 0 ? left : std::min(timeout, left);
    }
    return static_cast<int>(std::min<int64_t>(timeout, std::numeric_limits<int>::max()));
  }

  int fd_;
  const Waiting& waiting_;
  Clock::time_point start_;
  std::chrono::milliseconds deadline_;  ///< from start_; 0: none
  bool sent_ = false;
  bool leaving_ = false;
};

std::string RequestText(const HttpRequest& request) {
  std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", request.method,
                                 request.target);
  if (!request.token.empty()) text += fmt::format("Authorization: Bearer {}\r\n", request.token);
  if (!request.accept.empty()) text += fmt::format("Accept: {}\r\n", request.accept);
  if (const size_t files = request.descriptors.size() + request.sent_files; files != 0) {
    text += fmt::format("Spawn-Descriptors: {}\r\n", files);
  }
  if (request.stream) {
    text +=
        fmt::format("Content-Type: application/octet-stream\r\nContent-Length: {}\r\n", request.stream_bytes);
  } else if (!request.body.empty()) {
    text += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", request.body.size());
  }
  return text + "\r\n" + request.body;
}

/// As send, with `descriptors` for the other process.
ssize_t SendSome(int fd, std::string_view text, std::span<const int> descriptors) {
  iovec bytes{const_cast<char*>(text.data()), text.size()};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxRequestDescriptors)> control{};
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    PutDescriptors(message, descriptors);
  }
  return ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/// False when the daemon takes no more: one that refuses a request early has answered. The descriptors go
/// with the first byte.
Result<bool> SendAll(int fd, std::string_view text, std::span<const int> descriptors, Waiter& waiter) {
  while (!text.empty()) {
    TRY(waiter.For(POLLOUT));
    const ssize_t sent = SendSome(fd, text, descriptors);
    if (sent >= 0) {
      text.remove_prefix(static_cast<size_t>(sent));
      if (sent > 0) descriptors = {};
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return false;  // its answer is to be read, instead of failing here
    } else if (errno != EAGAIN && errno != EINTR) {
      return FailErrno(errno, "cannot send to spawnd");
    }
  }
  return true;
}

Result<void> SendStream(int fd, const HttpRequest& request, Waiter& waiter) {
  for (uint64_t left = request.stream_bytes; left > 0;) {
    TRY_ASSIGN(const std::string_view piece, request.stream());
    TRY_ASSIGN(const bool taken, SendAll(fd, piece.substr(0, left), {}, waiter));
    if (!taken) return {};
    left -= std::min<uint64_t>(left, piece.size());
  }
  return {};
}

/// Bytes read; empty at the end of the connection.
Result<std::string_view> Receive(int fd, std::array<char, kReadBytes>& buffer, Waiter& waiter) {
  while (true) {
    TRY(waiter.For(POLLIN));
    const ssize_t received = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (received >= 0) return std::string_view(buffer.data(), static_cast<size_t>(received));
    if (errno == ECONNRESET) return std::string_view();
    if (errno != EAGAIN && errno != EINTR) return FailErrno(errno, "cannot receive from spawnd");
  }
}

Error CannotReach(const std::string& path, int err) {
  std::string hint =
      "Start it with 'sudo systemctl start spawnd' or 'sudo spawnd serve', or set SPAWNCTL_API_ENDPOINT to "
      "its socket.";
  if (err == EACCES) hint = "Run as root, or have yourself added to the group 'spawn' and log in again.";
  const std::string cause =
      err == EAGAIN ? "it does not accept connections" : std::generic_category().message(err);
  return {ErrorCode::kUnavailable, fmt::format("cannot reach spawnd at {}: {}", path, cause),
          std::move(hint)};
}

}  // namespace

Result<UniqueFd> ConnectUnix(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.Valid()) return FailErrno(errno, "cannot make a socket");
  // On a Unix socket the send timeout also bounds connect, which waits while the daemon's backlog is full.
  const timeval timeout{kConnectSeconds, 0};
  if (::setsockopt(fd.Get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) != 0) {
    return FailErrno(errno, "cannot set up a socket");
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof(address.sun_path) - 1));
  if (::connect(fd.Get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return Fail(CannotReach(path, errno));
  }
  return fd;
}

Result<HttpResponse> Exchange(int fd, const HttpRequest& request, const Waiting& waiting) {
  if (request.descriptors.size() > kMaxRequestDescriptors) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("more than {} files and folders in one request", kMaxRequestDescriptors));
  }
  Waiter waiter(fd, waiting);
  TRY_ASSIGN(const bool taken, SendAll(fd, RequestText(request), request.descriptors, waiter));
  if (taken && request.stream) TRY(SendStream(fd, request, waiter));
  waiter.RequestSent();
  BodySink* sink_pointer = nullptr;
  HttpResponseParser parser([&](std::string_view bytes) { return sink_pointer->Take(bytes); });
  BodySink sink(parser, waiting);
  sink_pointer = &sink;
  std::array<char, kReadBytes> buffer;
  while (!parser.Complete()) {
    TRY_ASSIGN(const std::string_view bytes, Receive(fd, buffer, waiter));
    if (bytes.empty()) {
      TRY(parser.End());
    } else {
      TRY(parser.Feed(bytes));
    }
  }
  return sink.Finish();
}

}  // namespace spawnd::client
