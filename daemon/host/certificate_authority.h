/// The authority that the certificates of all servers come from: clients verify a server by its certificate,
/// a server gets a key and a certificate of its own at every start. The authority's key stays in the daemon.
///
///   <state-dir>/tls/ca.crt   PEM, for everybody on the machine
///   <state-dir>/tls/ca.key   PEM, root's alone
///   <state-dir>/tls/my.cnf   the same path for clients that read such a file (MYSQL_HOME)
///
/// Opened once at start; then Issue is safe from any thread.
#pragma once

#include <openssl/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace spawnd::daemon {

struct IssuedCertificate {
  std::string certificate;  ///< PEM
  std::string key;          ///< PEM
};

class CertificateAuthority {
 public:
  using Time = std::chrono::system_clock::time_point;

  /// Makes it (EC P-256, ten years) when there is none, when the two files do not belong together, or when it
  /// ends within 30 days of `now`; servers that run then keep what they have until they are started again.
  static Result<CertificateAuthority> Open(const std::string& state_directory,
                                           Time now = std::chrono::system_clock::now());

  const std::string& Path() const { return path_; }  ///< of ca.crt
  const std::string& Pem() const { return pem_; }

  /// A certificate for a server that clients reach by these names and numeric addresses; the empty name, and
  /// one that can stand in no certificate, is left out. It ends with the authority.
  Result<IssuedCertificate> Issue(const std::string& common_name, const std::vector<std::string>& names,
                                  Time now = std::chrono::system_clock::now()) const;

 private:
  CertificateAuthority(std::string path, std::string pem, std::shared_ptr<X509> certificate,
                       std::shared_ptr<EVP_PKEY> key)
      : path_(std::move(path)),
        pem_(std::move(pem)),
        certificate_(std::move(certificate)),
        key_(std::move(key)) {}

  std::string path_;
  std::string pem_;
  std::shared_ptr<X509> certificate_;
  std::shared_ptr<EVP_PKEY> key_;
};

/// Names by which clients on this machine and elsewhere may reach a server that listens on `addresses`:
/// localhost, the loopback addresses, the host's name, the addresses themselves; for 0.0.0.0 and :: also all
/// addresses that the machine has now. And `advertised`, which clients are told; may be empty.
std::vector<std::string> NamesOfServer(const std::vector<std::string>& addresses,
                                       const std::string& advertised = {});

}  // namespace spawnd::daemon
