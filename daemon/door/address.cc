#include "daemon/door/address.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/tcp.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

namespace spawnd::daemon {
namespace {

enum class End { kFrom, kTo };

/// Where in a packet the address is that it came from or to, and what has to be there: words of 32 bits.
std::vector<std::pair<uint32_t, uint32_t>> WordsOfAddress(const SocketAddress& address, End end) {
  constexpr auto kNetworkHeader = static_cast<uint32_t>(SKF_NET_OFF);
  const bool from = end == End::kFrom;
  if (IsAny(address)) return {};
  if (address.any.sa_family == AF_INET) {
    return {{kNetworkHeader + (from ? 12U : 16U), ntohl(address.v4.sin_addr.s_addr)}};
  }
  std::vector<std::pair<uint32_t, uint32_t>> words;
  for (uint32_t i = 0; i < 4; ++i) {
    uint32_t word = 0;
    std::memcpy(&word, &address.v6.sin6_addr.s6_addr[i * sizeof word], sizeof word);
    words.emplace_back(kNetworkHeader + (from ? 8U : 24U) + i * static_cast<uint32_t>(sizeof word),
                       ntohl(word));
  }
  return words;
}

/// A filter of packets. Offsets without a base are those of the TCP header.
class PacketFilter {
 public:
  /// Two more instructions each: it is as expected, or the packet is dropped.
  void Expect(uint16_t load, uint32_t offset, uint32_t value) {
    program_.push_back(BPF_STMT(load, offset));
    program_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0));
    program_.push_back(BPF_STMT(BPF_RET | BPF_K, 0));
  }
  void ExpectAddress(const SocketAddress& address, End end) {
    // Where an IPv6 address has it, too.
    Expect(BPF_LD | BPF_H | BPF_ABS, end == End::kFrom ? 0 : 2, ntohs(address.v4.sin_port));
    for (const auto& [offset, word] : WordsOfAddress(address, end))
      Expect(BPF_LD | BPF_W | BPF_ABS, offset, word);
  }
  /// Drops what has all of these flags.
  void DropFlags(uint32_t flags) {
    program_.push_back(BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13));
    program_.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, flags));
    program_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, flags, 0, 1));
    program_.push_back(BPF_STMT(BPF_RET | BPF_K, 0));
  }
  /// Lets the rest in. 0 or an errno.
  int Attach(int socket) {
    program_.push_back(BPF_STMT(BPF_RET | BPF_K, ~0U));
    const sock_fprog filter{static_cast<unsigned short>(program_.size()), program_.data()};
    return ::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0 ? errno : 0;
  }

 private:
  std::vector<sock_filter> program_;
};

/// Lets in what comes to this server at its own address and port, but not the answer to an attempt to connect
/// from here, which has SYN and ACK set. 0 or an errno.
int LetOnlyClientsIn(int socket, const SocketAddress& address) {
  PacketFilter filter;
  filter.ExpectAddress(address, End::kTo);
  filter.DropFlags(TH_SYN | TH_ACK);
  return filter.Attach(socket);
}

bool Set(int socket, int level, int name) {
  const int on = 1;
  return ::setsockopt(socket, level, name, &on, sizeof on) == 0;
}

}  // namespace

/// An attempt to connect gets no answer, but its first packet leaves, with data if the program wants that
/// (MSG_FASTOPEN). Without capabilities nobody takes a socket off its device. 0 or an errno.
int StayOnLoopback(int socket) {
  constexpr std::string_view kDevice = "lo";
  return ::setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, kDevice.data(), kDevice.size()) != 0 ? errno : 0;
}

std::optional<HostAddress> AddressOf(const std::string& host, uint16_t port) {
  HostAddress address;
  if (::inet_pton(AF_INET, host.c_str(), &address.socket.v4.sin_addr) == 1) {
    address.socket.v4.sin_family = AF_INET;
    address.socket.v4.sin_port = htons(port);
    address.length = sizeof address.socket.v4;
    return address;
  }
  if (::inet_pton(AF_INET6, host.c_str(), &address.socket.v6.sin6_addr) == 1) {
    address.socket.v6.sin6_family = AF_INET6;
    address.socket.v6.sin6_port = htons(port);
    address.length = sizeof address.socket.v6;
    return address;
  }
  return std::nullopt;
}

std::string TextOf(const SocketAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool is_v4 = address.any.sa_family == AF_INET;
  if (!is_v4 && address.any.sa_family != AF_INET6) return "";
  const void* bytes = is_v4 ? static_cast<const void*>(&address.v4.sin_addr) : &address.v6.sin6_addr;
  return ::inet_ntop(address.any.sa_family, bytes, text.data(), text.size()) == nullptr ? "" : text.data();
}

bool IsLoopback(const SocketAddress& address) {
  if (address.any.sa_family == AF_INET6) return IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr) != 0;
  return ntohl(address.v4.sin_addr.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
}

bool IsAny(const SocketAddress& address) {
  if (address.any.sa_family == AF_INET6) return IN6_IS_ADDR_UNSPECIFIED(&address.v6.sin6_addr) != 0;
  return address.v4.sin_addr.s_addr == INADDR_ANY;
}

HostAddress ReachedAt(HostAddress address) {
  if (!IsAny(address.socket)) return address;
  if (address.socket.any.sa_family == AF_INET6) {
    address.socket.v6.sin6_addr = in6addr_loopback;
  } else {
    address.socket.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  return address;
}

int BindHere(const HostAddress& address, Sharing sharing, bool blocks, UniqueFd& socket) {
  const sockaddr& any = address.socket.any;
  socket.Reset(::socket(any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | (blocks ? 0 : SOCK_NONBLOCK), 0));
  if (!socket.Valid()) return errno;
  const bool is_v6 = any.sa_family == AF_INET6;
  // As every server sets it: connections of its predecessor may still be closing.
  if (!Set(socket.Get(), SOL_SOCKET, SO_REUSEADDR)) return errno;
  if (is_v6 && !Set(socket.Get(), IPPROTO_IPV6, IPV6_V6ONLY)) return errno;
  if (sharing == Sharing::kWithDoor) {
    if (!Set(socket.Get(), SOL_SOCKET, SO_REUSEPORT)) return errno;
    if (!Set(socket.Get(), is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_FREEBIND : IP_FREEBIND))
      return errno;
  }
  if (const int err = LetOnlyClientsIn(socket.Get(), address.socket); err != 0) return err;
  if (IsLoopback(address.socket)) {
    if (const int err = StayOnLoopback(socket.Get()); err != 0) return err;
  }
  return ::bind(socket.Get(), &any, address.length) != 0 ? errno : 0;
}

int KeepToPeer(int socket, const HostAddress& peer) {
  PacketFilter filter;
  filter.ExpectAddress(peer.socket, End::kFrom);
  // Of a connection that is there nothing begins any more: neither an answer to another attempt to connect
  // nor one of somebody else's.
  filter.DropFlags(TH_SYN);
  if (const int err = filter.Attach(socket); err != 0) return err;
  return LockFilter(socket);
}

int LockFilter(int socket) {
  return Set(socket, SOL_SOCKET, SO_LOCK_FILTER) ? 0 : errno;
}

}  // namespace spawnd::daemon
