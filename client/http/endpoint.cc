#include "client/http/endpoint.h"

#include <fmt/core.h>
#include <sys/un.h>

#include <algorithm>

namespace spawnd::client {
namespace {

constexpr std::string_view kUnix = "unix://";
constexpr std::string_view kSsh = "ssh://";

Error Malformed(std::string_view text) {
  return {ErrorCode::kInvalidArgument,
          fmt::format("endpoint '{}' is neither unix:///path nor ssh://user@host", text.substr(0, 200)),
          "For example unix:///run/spawnd/spawnd.sock, or ssh://ann@build7."};
}

Result<void> CheckPath(std::string_view path) {
  const size_t max_length = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() <= max_length) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("socket path '{}...' is longer than {} bytes", path.substr(0, 40), max_length),
              "Start the daemon with a shorter --socket.");
}

/// Names of hosts and users, and addresses. None begins with a dash, which ssh would take for an option.
bool IsName(std::string_view text) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_' || c == ':' || c == '%' || c == '@';
  };
  return !text.empty() && text.front() != '-' && std::all_of(text.begin(), text.end(), allowed);
}

/// "host", "host:22", "[::1]:22"
bool TakeHost(std::string_view text, Endpoint& endpoint) {
  std::string_view port;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    port = text.substr(end + 1);
    text = text.substr(1, end - 1);
    if (!port.empty() && port.front() != ':') return false;
  } else {
    port = text.substr(std::min(text.find(':'), text.size()));
    text = text.substr(0, text.size() - port.size());
  }
  if (!port.empty()) port.remove_prefix(1);
  const auto digit = [](unsigned char c) { return std::isdigit(c) != 0; };
  if (!IsName(text) || port.size() > 5 || (port.size() == 5 && port > "65535") ||
      !std::all_of(port.begin(), port.end(), digit))
    return false;
  endpoint.ssh_host = text;
  endpoint.ssh_port = port;
  return true;
}

}  // namespace

Result<Endpoint> ParseEndpoint(std::string_view text) {
  Endpoint endpoint;
  endpoint.text = text;
  if (text.starts_with(kUnix) && text.size() > kUnix.size()) {
    endpoint.socket_path = text.substr(kUnix.size());
    TRY(CheckPath(endpoint.socket_path));
    return endpoint;
  }
  if (!text.starts_with(kSsh)) return Fail(Malformed(text));
  std::string_view rest = text.substr(kSsh.size());
  const size_t slash = std::min(rest.find('/'), rest.size());
  // "ssh://host/" is the usual socket.
  if (rest.size() - slash > 1) endpoint.socket_path = rest.substr(slash);
  rest = rest.substr(0, slash);
  // A user's name may have an "@" of its own, a host's may not.
  if (const size_t at = rest.rfind('@'); at != std::string_view::npos) {
    endpoint.ssh_user = rest.substr(0, at);
    rest.remove_prefix(at + 1);
    if (endpoint.ssh_user.find(':') != std::string::npos) {
      return Fail(ErrorCode::kInvalidArgument, "an ssh:// endpoint has no password",
                  "ssh asks for it, or takes a key: ssh://user@host.");
    }
    if (!IsName(endpoint.ssh_user)) return Fail(Malformed(text));
  }
  if (!TakeHost(rest, endpoint)) return Fail(Malformed(text));
  TRY(CheckPath(endpoint.socket_path));
  return endpoint;
}

}  // namespace spawnd::client
