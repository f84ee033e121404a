/// Runs one step of a restore (psql, pg_restore...) as the caller, from the calling job thread, with poll and
/// no further threads: the backup goes through the session's filter to the tool's standard input, what the
/// tool says goes line by line to the session.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "base/process.h"
#include "base/result.h"
#include "engines/engine.h"

namespace spawnd::daemon {

struct ToolLimits {
  size_t message_bytes = 64 * 1024;     ///< of one line on standard error; the rest of the line is dropped
  size_t log_bytes = 16 * 1024 * 1024;  ///< of the log file, all steps together; what follows is dropped
};

struct ToolRun {
  engines::RestoreStep* step = nullptr;
  int backup_fd = -1;    ///< read from its present offset to its end when step->input_is_backup
  Identity caller;       ///< the tool runs as this user
  int stdout_fd = -1;    ///< set: its standard output goes there and not to the log
  std::string log_path;  ///< what the tool prints is appended; made when missing
  std::chrono::steady_clock::time_point deadline;
  /// Bytes of the backup that the tool has been given and the backup's size; called after each read.
  std::function<void(uint64_t done, uint64_t total)> progress;
  ToolLimits limits;
};

/// Returns once the tool and every process of its session are gone, on every path. Errors: the session's own,
/// kCancelled when `stop` says so, kTimeout, kIo when the backup cannot be read or the tool ended without
/// reading it, whatever starting the tool gave. Trouble with the log never fails a restore.
Result<void> RunTool(const ToolRun& run, std::stop_token stop);

}  // namespace spawnd::daemon
