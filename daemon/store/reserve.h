/// A file that only takes up room, so that there is some when the disk is full to the last byte: SQLite
/// cannot record a deletion, nor open its log, without a few blocks, and deleting is the way out.
///
/// One thread at a time. Survives a crash as what it is; its size says how much is left.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace spawnd::daemon {

inline constexpr int64_t kReserveBytes = int64_t{16} << 20U;

class SpaceReserve {
 public:
  explicit SpaceReserve(std::string path) : path_(std::move(path)) {}

  /// Makes the file full size if the disk has several times as much to spare. Says nothing when it has not.
  void Fill();
  /// Gives a piece back to the disk. False when nothing is left. In pieces, because on a full disk whoever
  /// writes next gets it: several tries have several chances.
  bool Give();

 private:
  std::string path_;
};

/// Runs `write` again and again as long as the disk is full and the reserve has something to give.
template <typename Write>
auto WithReserve(SpaceReserve& reserve, Write write) {
  auto result = write();
  while (!result && result.error().code == ErrorCode::kNoSpace && reserve.Give()) result = write();
  return result;
}

}  // namespace spawnd::daemon
