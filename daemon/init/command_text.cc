#include "daemon/init/command_text.h"

#include <cstdint>
#include <cstring>
#include <vector>

namespace spawnd::daemon {
namespace {

void PutText(std::string& packet, const std::string& text) {
  // None of them can hold a zero byte: they are arguments of a program.
  packet.append(text.c_str(), text.size() + 1);
}
void PutTexts(std::string& packet, const std::vector<std::string>& texts) {
  const auto count = static_cast<uint32_t>(texts.size());
  packet.append(reinterpret_cast<const char*>(&count), sizeof count);
  for (const std::string& text : texts) PutText(packet, text);
}

/// False when the packet is cut short.
bool TakeText(std::string_view& packet, std::string& text) {
  const size_t end = packet.find('\0');
  if (end == std::string_view::npos) return false;
  text = packet.substr(0, end);
  packet.remove_prefix(end + 1);
  return true;
}
bool TakeTexts(std::string_view& packet, std::vector<std::string>& texts) {
  uint32_t count = 0;
  if (packet.size() < sizeof count) return false;
  std::memcpy(&count, packet.data(), sizeof count);
  packet.remove_prefix(sizeof count);
  for (std::string text; count > 0; --count) {
    if (!TakeText(packet, text)) return false;
    texts.push_back(text);
  }
  return true;
}

}  // namespace

std::string EncodeCommand(const engines::Command& command) {
  std::string text;
  PutTexts(text, command.argv);
  PutTexts(text, command.env);
  PutText(text, command.working_directory);
  return text;
}

Result<engines::Command> DecodeCommand(std::string_view text) {
  engines::Command command;
  if (!TakeTexts(text, command.argv) || !TakeTexts(text, command.env) ||
      !TakeText(text, command.working_directory)) {
    return Fail(ErrorCode::kInternal, "a command to be run in a container is cut short");
  }
  return command;
}

}  // namespace spawnd::daemon
