#include "daemon/init/listening_port.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/message.h"
#include "daemon/door/door.h"

namespace spawnd::daemon {

/// What the engine made and wants to bind.
struct ListeningPort::Asked {
  UniqueFd socket;  ///< a copy of its descriptor
  int flags = 0;    ///< O_NONBLOCK of the socket, O_CLOEXEC of the descriptor
};

namespace {

/// What the caller passed; empty when that is no address of the internet.
std::optional<SocketAddress> AddressAsked(const seccomp_notif& question) {
  SocketAddress address{};
  const size_t length = std::min<size_t>(question.data.args[2], sizeof address);
  iovec here{&address, length};
  iovec there{reinterpret_cast<void*>(question.data.args[1]), length};
  const ssize_t got = ::process_vm_readv(static_cast<pid_t>(question.pid), &here, 1, &there, 1, 0);
  if (got >= static_cast<ssize_t>(sizeof address.v4) && address.any.sa_family == AF_INET) return address;
  // The last member may be missing (RFC 2133).
  const bool is_v6 =
      got >= static_cast<ssize_t>(offsetof(sockaddr_in6, sin6_scope_id)) && address.any.sa_family == AF_INET6;
  return is_v6 ? std::optional(address) : std::nullopt;
}

/// A line "NAME:\tVALUE" of a file in /proc.
std::string ProcField(const std::string& path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    return line.substr(std::min(line.size(), line.find_first_not_of(" \t", name.size())));
  }
  return "";
}

/// The process of a thread, which is what asks.
pid_t ProcessOf(uint32_t thread) {
  const std::string text = ProcField("/proc/" + std::to_string(thread) + "/status", "Tgid:");
  pid_t process = 0;
  std::from_chars(text.data(), text.data() + text.size(), process);
  return process;
}

int OptionOf(int socket, int level, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  return ::getsockopt(socket, level, name, &value, &length) == 0 ? value : -1;
}

}  // namespace

std::optional<ListeningPort::Asked> ListeningPort::SocketAsked(const seccomp_notif& question) {
  const pid_t process = ProcessOf(question.pid);
  if (process <= 0) return std::nullopt;
  const UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  if (!handle.Valid()) return std::nullopt;
  const int number = static_cast<int>(question.data.args[0]);
  Asked asked;
  asked.socket.Reset(static_cast<int>(::syscall(SYS_pidfd_getfd, handle.Get(), number, 0)));
  if (!asked.socket.Valid()) return std::nullopt;
  if (OptionOf(asked.socket.Get(), SOL_SOCKET, SO_TYPE) != SOCK_STREAM ||
      OptionOf(asked.socket.Get(), SOL_SOCKET, SO_PROTOCOL) != IPPROTO_TCP) {
    return std::nullopt;
  }
  const std::string text =
      ProcField("/proc/" + std::to_string(process) + "/fdinfo/" + std::to_string(number), "flags:");
  std::from_chars(text.data(), text.data() + text.size(), asked.flags, 8);
  return asked;
}

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
  const auto address = AddressAsked(question);
  if (address && ntohs(address->v4.sin_port) == port_) {  // where an IPv6 address has it, too
    const std::optional<Asked> asked = SocketAsked(question);
    // What was read is the caller's only if the caller is still there: numbers of processes are used again.
    if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &question.id) != 0) return;
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
int ListeningPort::PutInPlace(int listener, const seccomp_notif& question, const Asked& asked,
                              size_t place) const {
  UniqueFd socket;
  const bool blocks = (asked.flags & O_NONBLOCK) == 0;
  int err = BindHere(addresses_[place], bound_ ? Sharing::kWithDoor : Sharing::kAlone, blocks, socket);
  if (err == 0) err = LockFilter(socket.Get());
  if (err != 0) return err;
  seccomp_notif_addfd addfd{};
  addfd.id = question.id;
  addfd.flags = SECCOMP_ADDFD_FLAG_SETFD;
  addfd.srcfd = static_cast<uint32_t>(socket.Get());
  addfd.newfd = static_cast<uint32_t>(question.data.args[0]);
  addfd.newfd_flags = static_cast<uint32_t>(asked.flags & O_CLOEXEC);
  if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &addfd) < 0) return errno;
  if (bound_) bound_(place, std::move(socket));
  return 0;
}

}  // namespace spawnd::daemon
