/// Runs one step of a restore (psql, pg_restore...) in the build's container, as the caller, from the calling
/// job thread, with poll and no further threads: the backup goes through the session's filter to the tool's
/// standard input, what the tool says goes line by line to the session. Starting it is an order to the
/// build's keeper, and process 1 carries it out (daemon/init/enclosed_program.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "base/identity.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/init/program_order.h"
#include "engines/engine.h"
#include "engines/unpack/layer.h"

namespace spawnd::daemon {

struct ToolLimits {
  size_t message_bytes = 64 * 1024;     ///< of one line on standard error; the rest of the line is dropped
  size_t log_bytes = 16 * 1024 * 1024;  ///< of the log file, all steps together; what follows is dropped
};

struct ToolRun {
  engines::RestoreStep* step = nullptr;
  /// Of a file: read from its beginning to its end, or given to the tool, as step->reads says.
  int backup_fd = -1;
  std::string backup_name{};            ///< for messages
  engines::UnpackLimit unpack_limit{};  ///< of a packed backup
  /// Of a folder: a mount for the tool (backup_mount.h).
  UniqueFd backup_folder{};
  Identity caller;              ///< the tool runs as this user
  bool reads_any_file = false;  ///< as root may (ProgramOrder)
  /// Has it started (KeeperClient::StartTool).
  std::function<Result<void>(ProgramOrder, ProgramDescriptors)> start;
  /// Called once it runs, before the first byte; an error ends it.
  std::function<Result<void>()> started{};
  int stdout_fd = -1;    ///< set: its standard output goes there and not to the log
  std::string log_path;  ///< what the tool prints is appended; made when missing
  std::chrono::steady_clock::time_point deadline;
  /// Bytes of the backup, as it is packed, that the tool has been given and the backup's size; called after
  /// each read.
  std::function<void(uint64_t done, uint64_t total)> progress;
  ToolLimits limits;
};

/// Returns once the tool and everything that it started are gone, on every path. Errors: the session's own,
/// kCancelled when `stop` says so, kTimeout, kIo when the backup cannot be read or the tool ended without
/// reading it, whatever starting the tool gave. Trouble with the log never fails a restore.
Result<void> RunTool(ToolRun& run, std::stop_token stop);

}  // namespace spawnd::daemon
