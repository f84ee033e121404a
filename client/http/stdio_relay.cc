#include "client/http/stdio_relay.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/descriptors.h"

namespace spawnd::client {
namespace {

/// One direction: bytes that were read and not yet written.
class Direction {
 public:
  Direction(int from, int into) : from_(from), into_(into) {}

  pollfd Reading() const { return {!ended_ && begin_ == end_ ? from_ : -1, POLLIN, 0}; }
  pollfd Writing() const { return {begin_ < end_ ? into_ : -1, POLLOUT, 0}; }
  bool Finished() const { return ended_ && begin_ == end_; }

  void Read() {
    const ssize_t n = ::read(from_, buffer_.data(), buffer_.size());
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    ended_ = n <= 0;
    begin_ = 0;
    end_ = n > 0 ? static_cast<size_t>(n) : 0;
  }
  void Drop() {
    ended_ = true;
    begin_ = end_;
  }
  /// False: nobody reads what comes.
  bool Write() {
    const ssize_t n = ::write(into_, buffer_.data() + begin_, end_ - begin_);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    begin_ += static_cast<size_t>(n);
    return true;
  }

 private:
  const int from_;
  const int into_;
  std::array<char, 65536> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool ended_ = false;
};

}  // namespace

Result<void> RelayStdio(int input, int output, int socket) {
  for (const int fd : {input, output, socket}) TRY(SetNonBlocking(fd));
  Direction up(input, socket);
  Direction down(socket, output);
  bool told = false;
  while (!down.Finished()) {
    if (up.Finished() && !told) {
      told = true;
      ::shutdown(socket, SHUT_WR);  // the answer may still come
    }
    std::array<pollfd, 4> fds{up.Reading(), up.Writing(), down.Reading(), down.Writing()};
    if (::poll(fds.data(), fds.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return FailErrno(errno, "cannot relay");
    }
    if (fds[0].revents != 0) up.Read();
    if (fds[2].revents != 0) down.Read();
    // Who does not take what comes up may have answered already, and that is waited for.
    if (fds[1].revents != 0 && !up.Write()) up.Drop();
    if (fds[3].revents != 0 && !down.Write()) return {};
  }
  return {};
}

}  // namespace spawnd::client
