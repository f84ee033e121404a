/// Keeps the disk of the state directory from filling up: warns when it is getting full, refuses new work
/// before it is.
///
/// Loop thread only. Nothing here survives the process.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/process.h"
#include "base/result.h"
#include "daemon/http/server.h"
#include "daemon/loop/event_loop.h"

namespace spawnd::daemon {

struct DaemonState;

class Space {
 public:
  explicit Space(DaemonState& state) : state_(state) {}
  Space(const Space&) = delete;
  Space& operator=(const Space&) = delete;

  /// Looks at the disk now and every few seconds, and logs when it gets full and when it no longer is.
  Result<void> Watch();

  /// Whether there is room for work that takes some: create, save, graduate. Costs one statvfs. If there is
  /// not, it answers `reply` with kNoSpace, naming what `who` could delete, and returns false: the caller is
  /// done. Adds to `warnings` when it is getting scarce; they belong into the answer.
  bool CheckRoomForWork(const Identity& who, const http::Reply& reply, std::vector<std::string>& warnings);

  /// What all files of an image take, shared or not. Measured once: they never change.
  int64_t ImageBytes(int64_t image_id);

 private:
  enum class Level { kEnough, kLow, kNone };

  void Look();
  Level LevelOf(int percent) const;
  std::string Describe(int percent) const;
  void Refuse(const Identity& who, const http::Reply& reply, int percent);

  DaemonState& state_;
  Level level_ = Level::kEnough;  ///< what was logged last
  std::unique_ptr<daemon::Watch> timer_;
  std::map<int64_t, int64_t> image_bytes_;
};

}  // namespace spawnd::daemon
