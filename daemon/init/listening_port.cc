#include "daemon/init/listening_port.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/message.h"

namespace spawnd::daemon {
namespace {

union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

/// The port in the address that the caller passed; empty when that is no address of the internet.
std::optional<uint16_t> PortAsked(const seccomp_notif& question) {
  Address address{};
  const size_t length = std::min<size_t>(question.data.args[2], sizeof address);
  iovec here{&address, length};
  iovec there{reinterpret_cast<void*>(question.data.args[1]), length};
  const ssize_t got = ::process_vm_readv(static_cast<pid_t>(question.pid), &here, 1, &there, 1, 0);
  if (got >= static_cast<ssize_t>(sizeof address.v4) && address.any.sa_family == AF_INET) {
    return ntohs(address.v4.sin_port);
  }
  // The last member may be missing (RFC 2133).
  if (got >= static_cast<ssize_t>(offsetof(sockaddr_in6, sin6_scope_id)) &&
      address.any.sa_family == AF_INET6) {
    return ntohs(address.v6.sin6_port);
  }
  return std::nullopt;
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

/// What the engine made and wants to bind.
struct Asked {
  UniqueFd socket;  ///< a copy of its descriptor
  int flags = 0;    ///< O_NONBLOCK of the socket, O_CLOEXEC of the descriptor
};

std::optional<Asked> SocketAsked(const seccomp_notif& question) {
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

/// `address` of the endpoint, with its port.
std::optional<std::pair<Address, socklen_t>> AddressOf(const engines::Endpoint& endpoint) {
  Address address{};
  if (::inet_pton(AF_INET, endpoint.host.c_str(), &address.v4.sin_addr) == 1) {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(endpoint.port);
    return std::pair(address, static_cast<socklen_t>(sizeof address.v4));
  }
  if (::inet_pton(AF_INET6, endpoint.host.c_str(), &address.v6.sin6_addr) == 1) {
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(endpoint.port);
    return std::pair(address, static_cast<socklen_t>(sizeof address.v6));
  }
  return std::nullopt;
}

/// Where in a packet the address is that it came to, and what has to be there: words of 32 bits.
std::vector<std::pair<uint32_t, uint32_t>> WordsOfAddress(const Address& address) {
  constexpr auto kNetworkHeader = static_cast<uint32_t>(SKF_NET_OFF);
  if (address.any.sa_family == AF_INET) {
    if (address.v4.sin_addr.s_addr == INADDR_ANY) return {};
    return {{kNetworkHeader + 16, ntohl(address.v4.sin_addr.s_addr)}};
  }
  if (IN6_IS_ADDR_UNSPECIFIED(&address.v6.sin6_addr)) return {};
  std::vector<std::pair<uint32_t, uint32_t>> words;
  for (uint32_t i = 0; i < 4; ++i) {
    uint32_t word = 0;
    std::memcpy(&word, &address.v6.sin6_addr.s6_addr[i * sizeof word], sizeof word);
    words.emplace_back(kNetworkHeader + 24 + i * static_cast<uint32_t>(sizeof word), ntohl(word));
  }
  return words;
}

/// Lets in what comes to this server at its own address and port, but not the answer to an attempt to connect
/// from here, which has SYN and ACK set. Offsets without a base are those of the TCP header. 0 or an errno.
int LetOnlyClientsIn(int socket, const Address& address) {
  std::vector<sock_filter> program;
  // Two more instructions each: it is as expected, or the packet is dropped.
  const auto expect = [&program](uint16_t load, uint32_t offset, uint32_t value) {
    program.push_back(BPF_STMT(load, offset));
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, 0));
  };
  expect(BPF_LD | BPF_H | BPF_ABS, 2, ntohs(address.v4.sin_port));  // where an IPv6 address has it, too
  for (const auto& [offset, word] : WordsOfAddress(address)) expect(BPF_LD | BPF_W | BPF_ABS, offset, word);
  program.push_back(BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13));
  program.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TH_SYN | TH_ACK));
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TH_SYN | TH_ACK, 0, 1));
  program.push_back(BPF_STMT(BPF_RET | BPF_K, 0));
  program.push_back(BPF_STMT(BPF_RET | BPF_K, ~0U));
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  const int on = 1;
  if (::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0) return errno;
  return ::setsockopt(socket, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof on) != 0 ? errno : 0;
}

bool IsLoopback(const Address& address) {
  if (address.any.sa_family == AF_INET6) return IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr) != 0;
  return ntohl(address.v4.sin_addr.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
}

/// An attempt to connect gets no answer, but its first packet leaves, with data if the program wants that
/// (MSG_FASTOPEN). Without capabilities nobody takes a socket off its device. 0 or an errno.
int StayOnThisMachine(int socket) {
  constexpr std::string_view kDevice = "lo";
  return ::setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, kDevice.data(), kDevice.size()) != 0 ? errno : 0;
}

/// 0 or the errno that the engine is to see.
int BindOnHost(const engines::Endpoint& endpoint, const Asked& asked, UniqueFd& socket) {
  const auto address = AddressOf(endpoint);
  if (!address) return EADDRNOTAVAIL;
  const sockaddr& any = address->first.any;
  const int mode = (asked.flags & O_NONBLOCK) != 0 ? SOCK_NONBLOCK : 0;
  socket.Reset(::socket(any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | mode, 0));
  if (!socket.Valid()) return errno;
  // As every server sets it: connections of its predecessor may still be closing.
  const int on = 1;
  ::setsockopt(socket.Get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const int v6_only = OptionOf(asked.socket.Get(), IPPROTO_IPV6, IPV6_V6ONLY);
  if (any.sa_family == AF_INET6 && v6_only >= 0) {
    ::setsockopt(socket.Get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  }
  if (const int err = LetOnlyClientsIn(socket.Get(), address->first); err != 0) return err;
  if (IsLoopback(address->first)) {
    if (const int err = StayOnThisMachine(socket.Get()); err != 0) return err;
  }
  return ::bind(socket.Get(), &any, address->second) != 0 ? errno : 0;
}

/// 0 or an errno.
int PutInPlace(int listener, const seccomp_notif& question, const Asked& asked, int socket) {
  seccomp_notif_addfd place{};
  place.id = question.id;
  place.flags = SECCOMP_ADDFD_FLAG_SETFD;
  place.srcfd = static_cast<uint32_t>(socket);
  place.newfd = static_cast<uint32_t>(question.data.args[0]);
  place.newfd_flags = static_cast<uint32_t>(asked.flags & O_CLOEXEC);
  return ::ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &place) < 0 ? errno : 0;
}

}  // namespace

Result<std::unique_ptr<ListeningPort>> ListeningPort::Start(engines::Endpoint endpoint, UniqueFd filters) {
  UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
  if (!stop.Valid()) return FailErrno(errno, "cannot make an event descriptor");
  std::unique_ptr<ListeningPort> self(
      new ListeningPort(std::move(endpoint), std::move(filters), std::move(stop)));
  self->thread_ = std::thread([port = self.get()] { port->Run(); });
  return self;
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
  if (PortAsked(question) == endpoint_.port) {
    const std::optional<Asked> asked = SocketAsked(question);
    // What was read is the caller's only if the caller is still there: numbers of processes are used again.
    if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &question.id) != 0) return;
    if (asked) {
      UniqueFd socket;
      int err = BindOnHost(endpoint_, *asked, socket);
      if (err == 0) err = PutInPlace(listener, question, *asked, socket.Get());
      answer.flags = 0;
      answer.error = -err;
    }
  }
  ::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

}  // namespace spawnd::daemon
