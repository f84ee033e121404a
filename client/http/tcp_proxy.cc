#include "client/http/tcp_proxy.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace spawnd::client {
namespace {

constexpr size_t kBufferBytes = size_t{64} << 10;
constexpr int kBacklog = 128;
constexpr int kAcceptPauseMilliseconds = 200;

using AddressInfo = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Result<AddressInfo> Resolve(const TcpAddress& address) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error =
      ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &wanted, &found);
  if (error != 0) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is no IP address", address.host),
                "Write one such as 127.0.0.1.");
  }
  return AddressInfo(found, &::freeaddrinfo);
}

void SendAtOnce(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // slower without, but not wrong
}

bool WouldBlock(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/// One direction of a connection: bytes that were read and not yet written.
class Stream {
 public:
  bool WantsRead() const { return !ended_ && end_ < buffer_.size(); }
  bool WantsWrite() const { return begin_ < end_; }
  /// All that came was passed on, and so was the end of it.
  bool Finished() const { return shut_; }

  /// False: the connection is broken.
  bool ReadFrom(int fd) {
    while (WantsRead()) {
      const ssize_t count = ::recv(fd, buffer_.data() + end_, buffer_.size() - end_, 0);
      if (count < 0) return WouldBlock(errno);
      if (count == 0) ended_ = true;
      end_ += static_cast<size_t>(count);
    }
    return true;
  }

  bool WriteTo(int fd) {
    while (WantsWrite()) {
      const ssize_t count = ::send(fd, buffer_.data() + begin_, end_ - begin_, MSG_NOSIGNAL);
      if (count < 0) return WouldBlock(errno);
      begin_ += static_cast<size_t>(count);
    }
    begin_ = end_ = 0;
    if (ended_ && !std::exchange(shut_, true)) ::shutdown(fd, SHUT_WR);
    return true;
  }

 private:
  std::array<char, kBufferBytes> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool ended_ = false;
  bool shut_ = false;
};

}  // namespace

class TcpProxy::Connection {
 public:
  Connection(UniqueFd near, UniqueFd far) : near_(std::move(near)), far_(std::move(far)) {}

  /// What to wait for. A descriptor that nothing is wanted of is left out: its hang-up would be reported for
  /// ever.
  void Ask(pollfd& near, pollfd& far) const {
    near = Wish(near_.Get(), up_.WantsRead(), !connecting_ && down_.WantsWrite());
    far = Wish(far_.Get(), !connecting_ && down_.WantsRead(), connecting_ || up_.WantsWrite());
  }

  /// Moves what can be moved. False: the connection has ended, or is broken.
  Result<bool> Move(const pollfd& near, const pollfd& far) {
    if (connecting_ && far.revents != 0) {
      int error = 0;
      socklen_t size = sizeof error;
      if (::getsockopt(far_.Get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
      if (error != 0) return FailErrno(error, "the connection was not taken");
      connecting_ = false;
    }
    if (near.revents != 0 && !up_.ReadFrom(near_.Get())) return false;
    if (connecting_) return true;
    if (far.revents != 0 && !down_.ReadFrom(far_.Get())) return false;
    if (!up_.WriteTo(far_.Get()) || !down_.WriteTo(near_.Get())) return false;
    return !(up_.Finished() && down_.Finished());
  }

 private:
  static pollfd Wish(int fd, bool read, bool write) {
    const auto events = static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0));
    return {events == 0 ? -1 : fd, events, 0};
  }

  UniqueFd near_;
  UniqueFd far_;
  bool connecting_ = true;
  Stream up_;    ///< near to far
  Stream down_;  ///< far to near
};

std::string AddressText(const TcpAddress& address) {
  const bool six = address.host.find(':') != std::string::npos;
  return six ? fmt::format("[{}]:{}", address.host, address.port)
             : fmt::format("{}:{}", address.host, address.port);
}

Result<UniqueFd> ListenTcp(const TcpAddress& address) {
  TRY_ASSIGN(const AddressInfo info, Resolve(address));
  UniqueFd fd(::socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.Valid()) return FailErrno(errno, "cannot make a socket");
  const int on = 1;
  // Or a port that was used a moment ago is refused for a minute.
  ::setsockopt(fd.Get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.Get(), info->ai_addr, info->ai_addrlen) != 0 || ::listen(fd.Get(), kBacklog) != 0) {
    const int error = errno;
    const std::string what = fmt::format("cannot listen on {}", AddressText(address));
    if (error == EADDRINUSE) {
      return Fail(ErrorCode::kInUse, fmt::format("{}: the port is in use", what),
                  "Choose another port; 0 takes a free one.");
    }
    const Error cause = ErrnoError(error, what);
    return Fail(error == EADDRNOTAVAIL ? ErrorCode::kInvalidArgument : cause.code, cause.message,
                error == EACCES ? "Ports below 1024 are for root." : "");
  }
  return fd;
}

Result<UniqueFd> BeginConnect(const TcpAddress& address) {
  TRY_ASSIGN(const AddressInfo info, Resolve(address));
  UniqueFd fd(::socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.Valid()) return FailErrno(errno, "cannot make a socket");
  SendAtOnce(fd.Get());
  if (::connect(fd.Get(), info->ai_addr, info->ai_addrlen) != 0 && errno != EINPROGRESS) {
    return FailErrno(errno, fmt::format("cannot connect to {}", AddressText(address)));
  }
  return fd;
}

Result<uint16_t> PortOfListener(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return FailErrno(errno, "cannot read a socket's address");
  }
  // Both families have the port at the same place.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

TcpProxy::TcpProxy(UniqueFd listener, std::string target, Dial dial,
                   std::function<void(const Error&)> on_failure)
    : listener_(std::move(listener)),
      target_(std::move(target)),
      dial_(std::move(dial)),
      on_failure_(std::move(on_failure)) {}

TcpProxy::~TcpProxy() = default;

bool TcpProxy::Accept() {
  while (connections_.size() < kMaxProxyConnections) {
    UniqueFd near(::accept4(listener_.Get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!near.Valid()) return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
    SendAtOnce(near.Get());
    auto far = dial_();
    if (far) {
      connections_.push_back(std::make_unique<Connection>(std::move(near), std::move(*far)));
    } else {
      on_failure_(far.error());
    }
  }
  return true;
}

Result<void> TcpProxy::RunUntil(int stop_fd) {
  constexpr size_t kFixed = 2;
  std::vector<pollfd> fds;
  bool may_accept = true;
  while (true) {
    const bool room = may_accept && connections_.size() < kMaxProxyConnections;
    fds.assign({{stop_fd, POLLIN, 0}, {room ? listener_.Get() : -1, POLLIN, 0}});
    fds.resize(kFixed + connections_.size() * 2);
    for (size_t i = 0; i < connections_.size(); ++i) {
      connections_[i]->Ask(fds[kFixed + 2 * i], fds[kFixed + 2 * i + 1]);
    }
    const int ready = ::poll(fds.data(), fds.size(), may_accept ? -1 : kAcceptPauseMilliseconds);
    if (ready < 0 && errno != EINTR) return FailErrno(errno, "cannot wait for connections");
    if (ready < 0) continue;
    if (fds[0].revents != 0) {
      connections_.clear();
      return {};
    }
    for (size_t i = 0; i < connections_.size(); ++i) {
      const auto goes_on = connections_[i]->Move(fds[kFixed + 2 * i], fds[kFixed + 2 * i + 1]);
      if (!goes_on) {
        on_failure_(goes_on.error().Wrap(fmt::format("cannot connect to {}", target_)));
      }
      if (!goes_on || !*goes_on) connections_[i].reset();
    }
    std::erase(connections_, nullptr);
    may_accept = fds[1].revents == 0 || Accept();
  }
}

}  // namespace spawnd::client
