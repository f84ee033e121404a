/// The certificate that engines show to clients which ask for TLS (sslmode=require): self-signed, one for the
/// whole daemon, so that no container waits for one to be made. Called at start.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"

namespace spawnd::daemon {

struct TlsCertificate {
  std::string certificate_path;  ///< "<state-dir>/tls/server.crt", PEM, 0600
  std::string key_path;          ///< "<state-dir>/tls/server.key", PEM, 0600
};

/// Makes a pair (EC P-256, ten years, for localhost, 127.0.0.1, ::1 and this host's name) when there is none,
/// when the two files do not belong together, or when the certificate ends within 30 days of `now`; else
/// keeps it.
Result<TlsCertificate> EnsureTlsCertificate(
    const std::string& state_directory,
    std::chrono::system_clock::time_point now = std::chrono::system_clock::now());

}  // namespace spawnd::daemon
