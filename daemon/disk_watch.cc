#include "daemon/disk_watch.h"

#include <spdlog/spdlog.h>

#include <chrono>

namespace spawnd::daemon {
namespace {

constexpr std::chrono::seconds kBetweenChecks{5};

}  // namespace

Result<void> DiskWatch::Start(uv_loop_t* loop) {
  CheckLevel();
  TRY_ASSIGN(timer_, WatchTime(loop, kBetweenChecks, kBetweenChecks, [this] { CheckLevel(); }));
  return {};
}

void DiskWatch::CheckLevel() {
  reserve_.Fill();
  const auto use = UseOfDisk(disk_.StateDirectory());
  if (!use) return spdlog::error("{}", use.error().message);
  const Disk::Level level = disk_.LevelOf(use->Percent());
  if (level == level_) return;
  level_ = level;
  const std::string text = disk_.Describe(use->Percent());
  if (level == Disk::Level::kEnough) return spdlog::info("{}: there is room again", text);
  if (level == Disk::Level::kNone)
    return spdlog::warn("{}: nothing new is created until there is room", text);
  spdlog::warn("{}: from {} % on nothing new is created", text, disk_.RefusePercent());
}

}  // namespace spawnd::daemon
