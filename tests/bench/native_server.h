/// PostgreSQL of the same installation on the host's own file system: what containers are compared with.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "base/result.h"

namespace spawnd::bench {

/// Where Debian puts the server's programs that the bench runs itself.
inline constexpr char kServerPrograms[] = "/usr/lib/postgresql/15/bin/";

/// Runs one of PostgreSQL's programs to its end as the system user spawnd; its output. Error: it failed, in
/// its own words.
Result<std::string> RunProgram(std::vector<std::string> argv);

/// One row, one column, as text; empty when the statement gives no row.
Result<std::string> Query(const std::string& url, const std::string& sql);

/// A port of the loopback address that nobody uses right now.
Result<uint16_t> FreePort();

/// The page cache, emptied: what follows reads from the disk.
Result<void> DropCaches();

class NativeServer {
 public:
  /// A new cluster in `directory`, which must not exist, with the settings that spawnd's own have.
  static Result<std::unique_ptr<NativeServer>> Initialise(const std::string& directory);
  /// The data directory of a running server, byte for byte (pg_basebackup).
  static Result<std::unique_ptr<NativeServer>> CopyOf(const std::string& url, const std::string& directory);
  /// The stopped cluster in `directory`, which stays when this object goes; all others' go with them.
  static std::unique_ptr<NativeServer> At(const std::string& directory);
  ~NativeServer();
  NativeServer(const NativeServer&) = delete;
  NativeServer& operator=(const NativeServer&) = delete;

  /// Returns once it answers.
  Result<void> Start();
  Result<void> Stop();
  /// A second, independent copy of a stopped server's directory, made with cp.
  Result<std::unique_ptr<NativeServer>> Clone(const std::string& directory);

  const std::string& Directory() const { return directory_; }
  std::string Url(const std::string& database = "postgres") const;

 private:
  NativeServer(std::string directory, std::string url);
  std::string directory_;
  std::string url_;  ///< of the server that was copied: its users and passwords are this one's; empty: none
  uint16_t port_ = 0;
  bool keep_ = false;
  pid_t pid_ = -1;
};

}  // namespace spawnd::bench
