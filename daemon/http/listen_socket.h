/// The socket that the daemon listens on. Opened once, at start, before there are other threads.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "base/identity.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {

/// Group whose members may connect, when the machine has it.
inline constexpr const char* kSocketGroup = "spawn";

/// Who may connect: owner, group and mode of the socket's file, as they were at the start.
struct SocketAccess {
  uid_t owner = 0;
  gid_t group = 0;
  mode_t mode = 0;  ///< permission bits
};

/// What the kernel would say to `who`. Any thread.
bool MayConnect(const SocketAccess& access, const Identity& who);

struct ListenSocket {
  UniqueFd fd;
  bool from_systemd = false;  ///< then `path` is systemd's to make and to remove
  SocketAccess access;
  /// What else systemd has kept for the service, by names.
  std::multimap<std::string, UniqueFd> kept{};
};

/// Takes the socket that systemd hands over, if it does; else makes one at `path`: 0660, group kSocketGroup,
/// in a folder that is made 0755 when missing. A socket file on which nobody answers any more is replaced;
/// kInUse when somebody does, or when something else is in the way; kUnavailable when nobody can tell whether
/// the group is there.
Result<ListenSocket> OpenListenSocket(const std::string& path);

}  // namespace spawnd::daemon
