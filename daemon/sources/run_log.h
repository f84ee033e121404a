/// What the last runs of a data source said, one after the other in one file. A run that talks too much is
/// cut, and what is old goes when another run begins, so that the file is bounded.
///
/// Loop thread; short writes to a file. Nothing is synced: after a power cut some of it may be missing.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {

inline constexpr size_t kMaxRunLogBytes = size_t{1} << 20;     ///< of one run
inline constexpr size_t kKeptRunLogBytes = size_t{512} << 10;  ///< of the runs before

class RunLog {
 public:
  /// Makes the file, or goes on behind the last of what is in it.
  static Result<RunLog> Open(const std::string& path);

  /// As it came, control characters too: whoever shows it takes care of them.
  void Write(std::string_view text);
  /// A line of the daemon's own.
  void Note(std::string_view line);
  /// The last lines that the run itself has said, at most two, in one.
  std::string LastWords() const;

 private:
  explicit RunLog(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
  size_t written_ = 0;
  bool line_is_open_ = false;
  std::string tail_;
};

}  // namespace spawnd::daemon
