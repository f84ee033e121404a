/// What the groups of a bench share: one private daemon and one image of pgbench's tables, each made when the
/// first group asks for it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tests/bench/native_server.h"
#include "tests/bench/private_daemon.h"

namespace spawnd::bench {

/// pgbench's scale: 100,000 accounts and 15 MB each.
inline constexpr int kScale = 50;
inline constexpr char kPgbenchImage[] = "pgbench";

/// The image of pgbench's tables and how it came to be.
struct PgbenchImage {
  api::DataImage image;
  double build_seconds = 0;    ///< pg_dump's file to a usable image
  double restore_seconds = 0;  ///< the same file into a native server: pg_restore alone
  /// pg_restore, vacuumdb --analyze, CHECKPOINT: a native server in the state that an image is in.
  double native_seconds = 0;
  std::unique_ptr<NativeServer>
      native;  ///< stopped: the image's own data directory on the host's file system
};

class Context {
 public:
  explicit Context(std::string spawnd) : spawnd_(std::move(spawnd)) {}

  Result<PrivateDaemon*> Daemon();
  Result<PgbenchImage*> Pgbench();
  /// A new, empty folder name on the host's file system that the engines' user can write in.
  Result<std::string> Scratch(const std::string& name);

 private:
  Result<PgbenchImage> MakePgbench();

  std::string spawnd_;
  std::unique_ptr<PrivateDaemon> daemon_;
  std::optional<PgbenchImage> pgbench_;
};

}  // namespace spawnd::bench
