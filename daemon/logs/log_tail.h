/// A log file that another process writes, as it is read from a place near its end: what is there, then what
/// comes. Knows how an engine's log begins anew (daemon/keeper/engine_log.h): the file is renamed to
/// "<path>.1", and another one stands at the path.
///
/// Used by one thread at a time. Reads only; a crash of either side loses nothing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {

class LogTail {
 public:
  /// From the last `lines` lines on, or from the beginning of what is kept. A file that is not there has
  /// nothing to say.
  static Result<LogTail> Open(const std::string& path, std::optional<uint64_t> lines);

  /// Another reader at the same place, of the same files.
  Result<LogTail> Fork() const;
  /// The next bytes, at most `limit`; empty when there are none for now.
  Result<std::string> Read(size_t limit);
  /// The file has been deleted: nothing more will come once Read gives nothing.
  bool Deleted() const;

 private:
  explicit LogTail(std::string path) : path_(std::move(path)) {}
  Result<void> Seek(uint64_t lines);
  Result<std::string> ReadOlder(size_t limit);
  Result<std::string> ReadFile(size_t limit);
  Result<bool> TurnOver();

  std::string path_;
  UniqueFd file_;
  off_t at_ = 0;
  UniqueFd older_;  ///< read to its end before file_
  off_t older_at_ = 0;
};

}  // namespace spawnd::daemon
