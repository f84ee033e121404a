#include "base/message.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include "base/ancillary.h"

namespace spawnd {
namespace {

constexpr char kMoreFollows = '+';
constexpr char kLast = '.';

/// Room for a few more, so that a sender who passes too many cannot leave any of them open here.
constexpr size_t kRoom = kMaxDescriptors + 2;
using ControlBuffer = std::array<char, CMSG_SPACE(sizeof(int) * kRoom)>;

Result<void> SendPart(int socket, char kind, std::string_view part, const std::vector<int>& descriptors) {
  std::array<iovec, 2> bytes{{{&kind, 1}, {const_cast<char*>(part.data()), part.size()}}};
  alignas(cmsghdr) ControlBuffer control{};
  msghdr message{};
  message.msg_iov = bytes.data();
  message.msg_iovlen = bytes.size();
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    PutDescriptors(message, descriptors);
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return {};
  return Fail(ErrorCode::kUnavailable, ErrnoError(errno, "the control socket is closed").message);
}

}  // namespace

Result<void> SendMessage(int socket, std::string_view text, std::initializer_list<int> descriptors) {
  return SendMessage(socket, text, std::vector<int>(descriptors));
}

Result<void> SendMessage(int socket, std::string_view text, const std::vector<int>& descriptors) {
  if (text.size() > kMaxMessageBytes) {
    return Fail(ErrorCode::kInvalidArgument, "a message on a control socket is too long");
  }
  std::vector<int> along;
  for (const int fd : descriptors) {
    if (fd >= 0) along.push_back(fd);
  }
  if (along.size() > kRoom) {
    return Fail(ErrorCode::kInvalidArgument, "too many descriptors for one message on a control socket");
  }
  while (text.size() > kPartBytes) {
    TRY(SendPart(socket, kMoreFollows, text.substr(0, kPartBytes), std::exchange(along, {})));
    text.remove_prefix(kPartBytes);
  }
  return SendPart(socket, kLast, text, along);
}

bool SendDescriptor(int socket, int fd) {
  char kind = kLast;
  iovec text{&kind, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof fd)> room{};
  msghdr message{};
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  message.msg_control = room.data();
  PutDescriptors(message, std::span(&fd, 1));
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) == 1;
}

Result<std::optional<Message>> MessageReader::TakePart(int socket, int flags) {
  const size_t before = message_.text.size();
  message_.text.resize(before + kPartBytes);
  char kind = 0;
  std::array<iovec, 2> bytes{{{&kind, 1}, {message_.text.data() + before, kPartBytes}}};
  alignas(cmsghdr) ControlBuffer control{};
  msghdr message{};
  message.msg_iov = bytes.data();
  message.msg_iovlen = bytes.size();
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t received = 0;
  do {
    received = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags);
  } while (received < 0 && errno == EINTR);
  const bool nothing = received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  message_.text.resize(before + (received > 0 ? static_cast<size_t>(received) - 1 : 0));
  if (nothing) return Fail(ErrorCode::kTimeout, "there is no message on a control socket");
  if (received <= 0) return Fail(ErrorCode::kUnavailable, "the control socket was closed");
  for (UniqueFd& fd : DescriptorsOf(message)) {
    if (message_.descriptors.size() < kMaxDescriptors) message_.descriptors.push_back(std::move(fd));
  }
  if ((message.msg_flags & MSG_TRUNC) != 0 || message_.text.size() > kMaxMessageBytes) {
    return Fail(ErrorCode::kInvalidArgument, "a message on a control socket is too long");
  }
  if (kind == kMoreFollows) return std::optional<Message>();
  if (kind != kLast) return Fail(ErrorCode::kInvalidArgument, "a packet on a control socket is no message");
  return std::optional(std::exchange(message_, {}));
}

Result<Message> ReceiveMessage(int socket) {
  MessageReader reader;
  while (true) {
    TRY_ASSIGN(std::optional<Message> message, reader.TakePart(socket));
    if (message) return std::move(*message);
  }
}

}  // namespace spawnd
