#include "daemon/keeper/descriptor_passing.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace spawnd::daemon {
namespace {

/// Room for a few, so that a sender who passes more than one cannot leave any of them open here.
constexpr size_t kMaxDescriptors = 8;

void TakeDescriptors(msghdr& message, UniqueFd& first) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(part) + i * sizeof(int), sizeof number);
      UniqueFd fd(number);
      if (!first.Valid()) first = std::move(fd);
    }
  }
}

}  // namespace

Result<void> SendWithDescriptor(int socket, std::string_view packet, int fd) {
  iovec bytes{const_cast<char*>(packet.data()), packet.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(part), &fd, sizeof fd);
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0)
    return Fail(ErrorCode::kUnavailable, ErrnoError(errno, "the control socket is closed").message);
  return {};
}

Result<std::string> ReceiveWithDescriptor(int socket, size_t max_bytes, UniqueFd& fd) {
  std::string packet(max_bytes, '\0');
  iovec bytes{packet.data(), packet.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxDescriptors)> control{};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t received = 0;
  do {
    received = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received <= 0) return Fail(ErrorCode::kUnavailable, "the control socket was closed");
  TakeDescriptors(message, fd);
  if ((message.msg_flags & MSG_TRUNC) != 0) {
    return Fail(ErrorCode::kInvalidArgument, "a packet on a control socket is too long");
  }
  packet.resize(static_cast<size_t>(received));
  return packet;
}

}  // namespace spawnd::daemon
