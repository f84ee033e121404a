#include "engines/server_log.h"

#include <string>

namespace spawnd::engines {

std::vector<std::string_view> LogLines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end != 0) lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

size_t FirstLineWith(const std::vector<std::string_view>& lines, std::string_view words) {
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].find(words) != std::string_view::npos) return i;
  }
  return lines.size();
}

size_t LastLineWith(const std::vector<std::string_view>& lines, std::string_view words) {
  for (size_t i = lines.size(); i > 0; --i) {
    if (lines[i - 1].find(words) != std::string_view::npos) return i - 1;
  }
  return lines.size();
}

Error PortInUse(const Endpoint& endpoint) {
  const std::string port = std::to_string(endpoint.port);
  return {ErrorCode::kInUse, "port " + port + " of " + endpoint.host + " is in use by another program",
          "See which one with `ss -ltnp sport = :" + port + "`; stop it, or give spawnd other ports."};
}

}  // namespace spawnd::engines
