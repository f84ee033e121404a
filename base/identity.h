/// Whose rights a process, a request or a file access has. A value.
#pragma once

#include <sys/types.h>

#include <vector>

namespace spawnd {

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  ///< supplementary
};

}  // namespace spawnd
