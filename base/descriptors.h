/// Pairs of descriptors, and writing to one until all is written. Safe from any thread. Every descriptor is
/// made close-on-exec.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd {

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};
Result<Pipe> MakePipe();

struct SocketPair {
  UniqueFd ours;
  UniqueFd theirs;
};
/// Two connected Unix sockets; `type` is SOCK_STREAM or SOCK_SEQPACKET.
Result<SocketPair> MakeSocketPair(int type);

/// For all who have the open file, not this descriptor alone.
Result<void> SetNonBlocking(int fd);

/// Writes all of `bytes`, however many calls it takes. 0, or the errno of the call that failed; then a part
/// may be written. `fd` blocks: EAGAIN counts as a failure.
[[nodiscard]] int WriteAll(int fd, std::string_view bytes);

/// Closes every descriptor from 3 on but these; negative numbers count for nothing.
void CloseAllBut(std::vector<int> kept);

}  // namespace spawnd
