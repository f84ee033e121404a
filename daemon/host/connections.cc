#include "daemon/host/connections.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/unique_fd.h"

namespace spawnd::daemon {
namespace {

using std::chrono::milliseconds;

/// The kernel's TCP_NEW_SYN_RECV, which no header for programs has: an answer of the client's is to come.
constexpr unsigned kNewSynReceived = 12;
constexpr uint32_t kConnected =
    (1U << TCP_ESTABLISHED) | (1U << TCP_SYN_RECV) | (1U << TCP_CLOSE_WAIT) | (1U << kNewSynReceived);
constexpr uint32_t kLeft = (1U << TCP_TIME_WAIT) | (1U << TCP_FIN_WAIT2);
/// How long the kernel remembers who closed first (TCP_TIMEWAIT_LEN).
constexpr milliseconds kRemembered{60'000};
constexpr timeval kPatience{5, 0};
constexpr size_t kBuffer = size_t{64} << 10;

using Step = inet_diag_bc_op;
using Filter = std::array<Step, 9>;

/// (sport >= first and sport <= last) or (dport >= first and dport <= last). Each step says how many bytes
/// further it goes on when it holds, and when not; past the end by one step means no. A port stands in a step
/// of its own.
Filter PortFilter(uint16_t first, uint16_t last) {
  return {{{INET_DIAG_BC_S_GE, 8, 20},
           {INET_DIAG_BC_NOP, 0, first},
           {INET_DIAG_BC_S_LE, 8, 12},
           {INET_DIAG_BC_NOP, 0, last},
           {INET_DIAG_BC_JMP, 4, 20},
           {INET_DIAG_BC_D_GE, 8, 20},
           {INET_DIAG_BC_NOP, 0, first},
           {INET_DIAG_BC_D_LE, 8, 12},
           {INET_DIAG_BC_NOP, 0, last}}};
}

struct Question {
  nlmsghdr header;
  inet_diag_req_v2 wanted;
  rtattr attribute;
  Filter filter;
};

Result<void> Ask(int socket, uint8_t family, uint16_t first, uint16_t last) {
  Question question{};
  question.header = {sizeof question, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 0, 0};
  question.wanted.sdiag_family = family;
  question.wanted.sdiag_protocol = IPPROTO_TCP;
  question.wanted.idiag_states = kConnected | kLeft;
  question.attribute = {RTA_LENGTH(sizeof(Filter)), INET_DIAG_REQ_BYTECODE};
  question.filter = PortFilter(first, last);
  if (::send(socket, &question, sizeof question, 0) < 0)
    return FailErrno(errno, "cannot ask for connections");
  return {};
}

class Tally {
 public:
  Tally(uint16_t first, uint16_t last, const std::function<uid_t(uint16_t)>& server_user)
      : first_(first), last_(last), server_user_(server_user) {}

  void Add(const inet_diag_msg& socket) {
    const uint16_t here = ntohs(socket.id.idiag_sport);
    const uint16_t there = ntohs(socket.id.idiag_dport);
    const bool is_servers = In(here);
    // The client's end, when that is on this machine: both have one address, or both are ones of loopback.
    const bool is_clients = In(there) && !is_servers;
    const bool left = (kLeft >> socket.idiag_state & 1U) != 0;
    if (left && (is_servers || is_clients)) return AddLeft(is_servers ? here : there, socket);
    if (is_servers) ++uses_[here].connections;
    // What a server connects to itself is there twice, and counts for nobody.
    if (is_clients && socket.idiag_uid == server_user_(there)) --uses_[there].connections;
  }

  std::map<uint16_t, PortUse> Take() { return std::move(uses_); }

 private:
  bool In(uint16_t port) const { return port >= first_ && port <= last_; }

  void AddLeft(uint16_t port, const inet_diag_msg& socket) {
    const milliseconds before =
        std::clamp(kRemembered - milliseconds(socket.idiag_expires), milliseconds(0), kRemembered);
    auto& known = uses_[port].left_before;
    known = known ? std::min(*known, before) : before;
  }

  const uint16_t first_;
  const uint16_t last_;
  const std::function<uid_t(uint16_t)>& server_user_;
  std::map<uint16_t, PortUse> uses_;
};

/// True at the end of the dump.
Result<bool> Read(const char* packet, size_t size, Tally& tally) {
  auto left = static_cast<unsigned>(size);
  for (const auto* message = reinterpret_cast<const nlmsghdr*>(packet); NLMSG_OK(message, left);
       message = NLMSG_NEXT(message, left)) {
    if (message->nlmsg_type == NLMSG_DONE) return true;
    if (message->nlmsg_type == NLMSG_ERROR) {
      const auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(message));
      return FailErrno(-error->error, "the kernel does not say who is connected");
    }
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg))) continue;
    tally.Add(*static_cast<const inet_diag_msg*>(NLMSG_DATA(message)));
  }
  return false;
}

Result<void> Dump(uint8_t family, uint16_t first, uint16_t last, Tally& tally) {
  const UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!socket.Valid()) return FailErrno(errno, "cannot ask for connections");
  ::setsockopt(socket.Get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  TRY(Ask(socket.Get(), family, first, last));
  std::vector<char> packet(kBuffer);
  while (true) {
    const ssize_t size = ::recv(socket.Get(), packet.data(), packet.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return FailErrno(errno, "the kernel does not say who is connected");
    TRY_ASSIGN(const bool done, Read(packet.data(), static_cast<size_t>(size), tally));
    if (done) return {};
  }
}

}  // namespace

Result<std::map<uint16_t, PortUse>> LookAtConnections(uint16_t first, uint16_t last,
                                                      const std::function<uid_t(uint16_t)>& server_user) {
  Tally tally(first, last, server_user);
  TRY(Dump(AF_INET, first, last, tally));
  // A machine without IPv6 has nobody there.
  const auto six = Dump(AF_INET6, first, last, tally);
  if (!six && six.error().code != ErrorCode::kNotFound) return Fail(six.error());
  return tally.Take();
}

}  // namespace spawnd::daemon
