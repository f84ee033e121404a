/// What every database server gets from this machine, whether it serves a container or a build. Set at start,
/// then read from any thread.
#pragma once

#include <sys/types.h>

#include <string>

namespace spawnd::daemon {

struct EngineHost {
  std::string address;  ///< numeric, to listen on
  uid_t uid = 0;        ///< of the system user that it runs as
  gid_t gid = 0;
  std::string tls_certificate_path;
  std::string tls_key_path;
};

}  // namespace spawnd::daemon
