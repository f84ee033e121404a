#include "daemon/init/listening_port.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/message.h"
#include "daemon/door/asked_socket.h"
#include "daemon/door/door.h"

namespace spawnd::daemon {

Result<std::unique_ptr<ListeningPort>> ListeningPort::Start(const engines::Endpoint& endpoint,
                                                            UniqueFd filters, Bound bound) {
  UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
  if (!stop.Valid()) return FailErrno(errno, "cannot make an event descriptor");
  std::unique_ptr<ListeningPort> self(
      new ListeningPort(endpoint, std::move(filters), std::move(stop), std::move(bound)));
  self->thread_ = std::thread([port = self.get()] { port->Run(); });
  return self;
}

ListeningPort::ListeningPort(const engines::Endpoint& endpoint, UniqueFd filters, UniqueFd stop, Bound bound)
    : port_(endpoint.port), filters_(std::move(filters)), stop_(std::move(stop)), bound_(std::move(bound)) {
  for (const std::string& host : AddressesOf(endpoint)) {
    addresses_.push_back(AddressOf(host, endpoint.port).value_or(HostAddress()));
  }
}

ListeningPort::~ListeningPort() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(stop_.Get(), &one, sizeof one);
  thread_.join();
}

void ListeningPort::Run() {
  UniqueFd listener;
  while (true) {
    std::array<pollfd, 3> fds{
        {{stop_.Get(), POLLIN, 0}, {filters_.Get(), POLLIN, 0}, {listener.Get(), POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return;
    if (fds[0].revents != 0) return;
    if ((fds[2].revents & POLLIN) != 0) Answer(listener.Get());
    // Nobody is left who has this filter.
    if ((fds[2].revents & (POLLHUP | POLLERR)) != 0) listener.Reset();
    if (fds[1].revents == 0) continue;
    auto message = ReceiveMessage(filters_.Get());
    if (!message) filters_.Reset();  // process 1 is gone
    if (message && !message->descriptors.empty()) listener = std::move(message->descriptors.front());
  }
}

void ListeningPort::Answer(int listener) const {
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
      answer.flags = 0;
      answer.error = -PutInPlace(listener, question, *asked, PlaceOf(*address));
    }
  }
  ::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

/// Which of the container's addresses it is; the first for one that is none of them.
size_t ListeningPort::PlaceOf(const SocketAddress& asked) const {
  const std::string text = TextOf(asked);
  const auto found = std::find_if(addresses_.begin(), addresses_.end(), [&text](const HostAddress& address) {
    return TextOf(address.socket) == text;
  });
  return found == addresses_.end() ? 0 : static_cast<size_t>(found - addresses_.begin());
}

/// 0 or the errno that the engine is to see.
int ListeningPort::PutInPlace(int listener, const seccomp_notif& question, const AskedSocket& asked,
                              size_t place) const {
  UniqueFd socket;
  const bool blocks = (asked.flags & O_NONBLOCK) == 0;
  int err = BindHere(addresses_[place], bound_ ? Sharing::kWithDoor : Sharing::kAlone, blocks, socket);
  if (err == 0) err = LockFilter(socket.Get());
  if (err != 0) return err;
  err = PutSocketInPlace(listener, question, asked, socket.Get());
  if (err != 0) return err;
  if (bound_) bound_(place, std::move(socket));
  return 0;
}

}  // namespace spawnd::daemon
