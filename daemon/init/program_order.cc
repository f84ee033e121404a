#include "daemon/init/program_order.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "daemon/init/command_text.h"

namespace spawnd::daemon {
namespace {

template <typename T>
void PutPlain(std::string& packet, const T& value) {
  packet.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// False when the packet is cut short.
template <typename T>
bool TakePlain(std::string_view& packet, T& value) {
  if (packet.size() < sizeof value) return false;
  std::memcpy(&value, packet.data(), sizeof value);
  packet.remove_prefix(sizeof value);
  return true;
}

/// What of an order has a fixed size.
struct Fixed {
  bool is_tool, reads_any_file;
  bool has_input, has_output, has_messages, has_file, has_folder;
  uid_t uid;
  gid_t gid;
  uint32_t groups;
};

}  // namespace

void NoteDescriptors(const ProgramDescriptors& descriptors, ProgramOrder& order) {
  order.has_input = descriptors.input.Valid();
  order.has_output = descriptors.output.Valid();
  order.has_messages = descriptors.messages.Valid();
  order.has_file = descriptors.file.Valid();
  order.has_folder = descriptors.folder.Valid();
}

Result<void> SendWithDescriptors(int socket, std::string_view text, const ProgramDescriptors& descriptors) {
  return SendMessage(socket, text,
                     {descriptors.leash.Get(), descriptors.input.Get(), descriptors.output.Get(),
                      descriptors.messages.Get(), descriptors.file.Get(), descriptors.folder.Get()});
}

Result<ProgramDescriptors> TakeDescriptors(const ProgramOrder& order, Message& message) {
  ProgramDescriptors taken;
  size_t next = 0;
  bool missing = false;
  const auto take = [&](bool there, UniqueFd& fd) {
    if (!there) return;
    missing = missing || next >= message.descriptors.size();
    if (!missing) fd = std::move(message.descriptors[next++]);
  };
  take(true, taken.leash);
  take(order.has_input, taken.input);
  take(order.has_output, taken.output);
  take(order.has_messages, taken.messages);
  take(order.has_file, taken.file);
  take(order.has_folder, taken.folder);
  if (missing) return Fail(ErrorCode::kInternal, "a descriptor of a program is missing");
  return taken;
}

Result<int> AwaitProgramEnd(int leash, std::chrono::milliseconds deadline) {
  pollfd poll_fd{leash, POLLIN, 0};
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    const int ready = left.count() <= 0 ? 0 : ::poll(&poll_fd, 1, static_cast<int>(left.count()));
    if (ready == 0) return Fail(ErrorCode::kTimeout, "a program in the container does not end");
    if (ready > 0) break;
    if (errno != EINTR) return FailErrno(errno, "cannot wait for a program in the container");
  }
  ProgramEnd said;
  if (::recv(leash, &said, sizeof said, 0) != static_cast<ssize_t>(sizeof said)) {
    return Fail(ErrorCode::kUnavailable, "the container ended");
  }
  if (said.failed) return Fail(said.code, std::string(said.text.data()));
  return said.exit_code;
}

void AppendProgramOrder(const ProgramOrder& order, std::string& packet) {
  PutPlain(packet, Fixed{order.is_tool, order.reads_any_file, order.has_input, order.has_output,
                         order.has_messages, order.has_file, order.has_folder, order.identity.uid,
                         order.identity.gid, static_cast<uint32_t>(order.identity.groups.size())});
  for (const gid_t group : order.identity.groups) PutPlain(packet, group);
  packet += EncodeCommand(order.command);
}

Result<ProgramOrder> DecodeProgramOrder(std::string_view packet) {
  ProgramOrder order;
  Fixed fixed{};
  bool whole = TakePlain(packet, fixed);
  for (gid_t group = 0; whole && fixed.groups > 0; --fixed.groups) {
    whole = TakePlain(packet, group);
    order.identity.groups.push_back(group);
  }
  if (!whole) return Fail(ErrorCode::kInternal, "an order to process 1 is cut short");
  TRY_ASSIGN(order.command, DecodeCommand(packet));
  order.is_tool = fixed.is_tool;
  order.reads_any_file = fixed.reads_any_file;
  order.has_input = fixed.has_input;
  order.has_output = fixed.has_output;
  order.has_messages = fixed.has_messages;
  order.has_file = fixed.has_file;
  order.has_folder = fixed.has_folder;
  order.identity.uid = fixed.uid;
  order.identity.gid = fixed.gid;
  return order;
}

}  // namespace spawnd::daemon
