/// Where a daemon is: "unix:///run/spawnd/spawnd.sock" on this machine, or "ssh://ann@build7" on another, as
/// docker writes them. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace spawnd::client {

struct Endpoint {
  std::string text;         ///< as it was written
  std::string socket_path;  ///< of the daemon, on its machine; empty: the usual one there
  std::string ssh_host;     ///< empty: the daemon is on this machine
  std::string ssh_user;     ///< empty: as ssh's own settings say
  std::string ssh_port;     ///< likewise

  bool IsRemote() const { return !ssh_host.empty(); }
  /// For messages: the socket's path, or all of a remote one.
  const std::string& Name() const { return IsRemote() ? text : socket_path; }
};

/// "unix:///path", "ssh://[user@]host[:port][/path of the socket there]". Error: kInvalidArgument.
Result<Endpoint> ParseEndpoint(std::string_view text);

}  // namespace spawnd::client
