/// Messages of any length, each with the descriptors that go along, on a SOCK_SEQPACKET Unix socket. A
/// message that is longer than a packet travels in parts: the first byte of a packet says whether more of
/// them follow.
///
/// The calls block and are safe from any thread, as long as one socket has one
/// sender and one receiver at a time.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd {

/// A hundred thousand names of databases, or revisions, have room in it.
inline constexpr size_t kMaxMessageBytes = size_t{64} << 20;
/// The size of one packet. The kernel's default socket buffer holds a few of them.
inline constexpr size_t kPartBytes = size_t{64} << 10;
inline constexpr size_t kMaxDescriptors = 16;

struct Message {
  std::string text;
  std::vector<UniqueFd> descriptors{};  ///< close-on-exec; what came beyond kMaxDescriptors is closed
};

/// The descriptors stay the caller's; negative ones are left out. Errors: kUnavailable when the other side is
/// gone, kInvalidArgument for a message of more than kMaxMessageBytes or with too many descriptors.
Result<void> SendMessage(int socket, std::string_view text, std::initializer_list<int> descriptors = {});
Result<void> SendMessage(int socket, std::string_view text, const std::vector<int>& descriptors);

/// A message without text and with one descriptor, by what is safe between fork and exec. False with errno.
bool SendDescriptor(int socket, int fd);

/// Errors: kUnavailable at the end of the connection, kInvalidArgument for a message that is too long.
Result<Message> ReceiveMessage(int socket);

/// Reads a message part by part, for a receiver that does other things in between.
class MessageReader {
 public:
  /// Takes one packet, with recv's `flags`. Empty while the message is not whole; with MSG_DONTWAIT, kTimeout
  /// when there is nothing. After an error the connection is of no more use, but for kTimeout.
  Result<std::optional<Message>> TakePart(int socket, int flags = 0);

 private:
  Message message_;
};

}  // namespace spawnd
