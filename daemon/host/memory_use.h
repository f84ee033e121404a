/// How much memory servers and their keepers hold, by what /proc says of their processes. Control groups
/// would say it faster, but count the pages of files, which the kernel takes back by itself, and are not
/// there everywhere.
///
/// Any thread. A look reads a file of each process of the machine.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>

namespace spawnd::daemon {

struct MemoryUse {
  std::map<uid_t, int64_t> of_users;      ///< bytes, by the users that servers run as
  std::map<int64_t, int64_t> of_keepers;  ///< the same, by containers
};

/// Of users from `first` to `last`.
MemoryUse LookAtMemory(uid_t first, uid_t last);

}  // namespace spawnd::daemon
