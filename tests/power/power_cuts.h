/// Power cuts of a recorded volume (tests/support/recording_file_system.h): picks a moment, decides what
/// became of what no sync covered, and writes that disk out as a delta that can be opened. Times are
/// CLOCK_MONOTONIC, so that another process can tell what it had been promised by then. Safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/recording_file_system.h"

namespace spawnd::testing {

struct CommitTime {
  int64_t called_ns = 0;
  int64_t returned_ns = 0;
};

struct CutRequest {
  uint32_t seed = 0;
  int64_t from_ns = 0;  ///< the cut lies between these two
  int64_t to_ns = 0;
  std::string directory;          ///< of the real file system, exists: gets the files of the delta
  bool promise_at_flush = false;  ///< durability `always`
};

/// "<number of operations> <time of the cut, ns> <promised before, ns> <fate>": whatever was acknowledged
/// before the third must be on this disk. It is the cut itself when a flush is a promise, else the call of
/// the last commit that had returned by then.
Result<std::string> CutPower(const RecordingFileSystem& recorded, const CutRequest& request,
                             const std::vector<CommitTime>& commits);

}  // namespace spawnd::testing
