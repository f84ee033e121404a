/// What every database server gets from this machine, whether it serves a container or a build. Set at start,
/// then read from any thread.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "api/types.h"
#include "daemon/host/certificate_authority.h"

namespace spawnd::daemon {

/// What this spawnd is, as its keepers are told.
struct Build {
  std::string version{};
  std::string id{};  ///< another for each binary
};

struct EngineHost {
  std::string address;  ///< numeric, to listen on
  uid_t uid = 0;        ///< of the system user that owns the files of every volume
  gid_t gid = 0;
  /// A server runs as this user plus its port: a port has one living container or build at a time, so each
  /// has a user of its own, and nothing has to be remembered.
  uid_t first_uid = 0;
  std::string advertised{};  ///< name or address that clients are told; empty: that on which it listens
  std::shared_ptr<const CertificateAuthority> authority{};  ///< there once the daemon has started
  /// What a container may use, and when it sleeps, unless it or its image says otherwise.
  api::Limits limits{};
  int64_t sleep_after = 0;    ///< of a container, seconds without a connection; 0: never
  bool host_network = false;  ///< it reaches what the host reaches, unless its image says otherwise

  std::vector<std::string> also{};  ///< further addresses to listen on
  Build build{};
  /// Who the server of this port is to run as. Its group has the same number.
  uid_t UserOf(uint16_t port) const { return first_uid + port; }
};

}  // namespace spawnd::daemon
