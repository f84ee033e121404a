#include "daemon/init/primary_link.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/message.h"
#include "daemon/door/asked_socket.h"

namespace spawnd::daemon {
namespace {

/// Of one address. Who asks has deadlines of his own, and those are longer.
constexpr int kConnectMilliseconds = 5000;
/// Programs that run in the container at a time, with a filter each.
constexpr size_t kMostListeners = 256;

bool Set(int socket, int level, int name, int value = 1) {
  return ::setsockopt(socket, level, name, &value, sizeof value) == 0;
}

}  // namespace

Result<std::unique_ptr<PrimaryLink>> PrimaryLink::Start(const std::vector<std::string>& addresses,
                                                        uint16_t port, UniqueFd filters) {
  std::vector<HostAddress> parsed;
  for (const std::string& text : addresses) {
    const auto address = AddressOf(text, port);
    if (!address) return Fail(ErrorCode::kInvalidArgument, "'" + text + "' is no numeric address");
    parsed.push_back(*address);
  }
  UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
  if (!stop.Valid()) return FailErrno(errno, "cannot make an event descriptor");
  std::unique_ptr<PrimaryLink> self(
      new PrimaryLink(std::move(parsed), port, std::move(filters), std::move(stop)));
  self->thread_ = std::thread([link = self.get()] { link->Run(); });
  return self;
}

PrimaryLink::PrimaryLink(std::vector<HostAddress> addresses, uint16_t port, UniqueFd filters, UniqueFd stop)
    : addresses_(std::move(addresses)), port_(port), filters_(std::move(filters)), stop_(std::move(stop)) {}

PrimaryLink::~PrimaryLink() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(stop_.Get(), &one, sizeof one);
  thread_.join();
}

void PrimaryLink::Run() {
  while (true) {
    std::vector<pollfd> fds{{stop_.Get(), POLLIN, 0}, {filters_.Get(), POLLIN, 0}};
    for (const UniqueFd& listener : listeners_) fds.push_back({listener.Get(), POLLIN, 0});
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return;
    if (fds[0].revents != 0) return;
    for (size_t i = 2; i < fds.size(); ++i) {
      if ((fds[i].revents & POLLIN) != 0) Answer(fds[i].fd);
      // Nobody is left who has this filter.
      if ((fds[i].revents & (POLLHUP | POLLERR)) != 0) listeners_[i - 2].Reset();
    }
    std::erase_if(listeners_, [](const UniqueFd& listener) { return !listener.Valid(); });
    if (fds[1].revents != 0) TakeFilter();
  }
}

void PrimaryLink::TakeFilter() {
  auto message = ReceiveMessage(filters_.Get());
  if (!message) filters_.Reset();  // process 1 is gone
  // What comes beyond is closed: its connect() fails with ENOSYS.
  if (message && !message->descriptors.empty() && listeners_.size() < kMostListeners) {
    listeners_.push_back(std::move(message->descriptors.front()));
  }
}

void PrimaryLink::Answer(int listener) const {
  seccomp_notif question{};
  // ENOENT: it was interrupted meanwhile, and asks again.
  if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &question) != 0) return;
  seccomp_notif_resp answer{};
  answer.id = question.id;
  answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  const auto address = AskedAddress(question);
  if (address && ntohs(address->v4.sin_port) == port_) {  // where an IPv6 address has it, too
    const std::optional<AskedSocket> asked = AskedTcpSocket(question);
    // What was read is the caller's only if the caller is still there: numbers of processes are used again.
    if (!StillAsked(listener, question)) return;
    if (asked) {
      UniqueFd socket;
      int err = Connect(socket);
      const bool blocks = (asked->flags & O_NONBLOCK) == 0;
      if (err == 0 && blocks && ::fcntl(socket.Get(), F_SETFL, 0) != 0) err = errno;
      if (err == 0) err = PutSocketInPlace(listener, question, *asked, socket.Get());
      answer.flags = 0;
      answer.error = -err;
    }
  }
  ::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

/// 0 or the errno that the program is to see: that of the last address.
int PrimaryLink::Connect(UniqueFd& socket) const {
  int err = ENETUNREACH;
  for (const HostAddress& address : addresses_) {
    err = ConnectTo(address, socket);
    if (err == 0 || err == EINTR) return err;
  }
  return err;
}

int PrimaryLink::ConnectTo(const HostAddress& address, UniqueFd& socket) const {
  const sockaddr& any = address.socket.any;
  socket.Reset(::socket(any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.Valid()) return errno;
  if (IsLoopback(address.socket)) {
    if (const int err = StayOnLoopback(socket.Get()); err != 0) return err;
  }
  // What a client library has set before it connects is gone with its own socket.
  if (!Set(socket.Get(), IPPROTO_TCP, TCP_NODELAY) || !Set(socket.Get(), SOL_SOCKET, SO_KEEPALIVE))
    return errno;
  if (::connect(socket.Get(), &any, address.length) != 0) {
    if (errno != EINPROGRESS) return errno;
    if (const int err = AwaitConnection(socket.Get()); err != 0) return err;
  }
  return KeepToPeer(socket.Get(), address);
}

int PrimaryLink::AwaitConnection(int socket) const {
  std::array<pollfd, 2> fds{{{socket, POLLOUT, 0}, {stop_.Get(), POLLIN, 0}}};
  int ready = 0;
  do {
    ready = ::poll(fds.data(), fds.size(), kConnectMilliseconds);
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) return errno;
  if (ready == 0) return ETIMEDOUT;
  if (fds[1].revents != 0) return EINTR;
  int err = 0;
  socklen_t length = sizeof err;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &err, &length) != 0 ? errno : err;
}

}  // namespace spawnd::daemon
