#include "daemon/store/disk.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

namespace spawnd::daemon {
namespace {

/// Below this much free space an error of any kind is put down to the full disk: a database reports its
/// failed writes in many words, and none of them is what the user has to do.
constexpr uint64_t kDiskIsFullBytes = uint64_t{32} << 20U;

/// From here on it is believed that a write found no room, although there is some now: others let it go.
constexpr uint64_t kDiskIsScarceBytes = uint64_t{256} << 20U;
constexpr int kDiskIsScarcePercent = 98;

uint64_t FreeBytes(const std::string& path) {
  struct statvfs space {};
  return ::statvfs(path.c_str(), &space) == 0 ? uint64_t{space.f_bavail} * space.f_frsize : UINT64_MAX;
}

/// A volume with less room than this takes no more data of any size, whatever the server says.
constexpr uint64_t kVolumeIsFullBytes = uint64_t{1} << 20U;
/// And with less than this part of it, a server that speaks of room is believed: it asks for much at once.
constexpr uint64_t kVolumeIsScarcePart = 4;

/// How tools and servers say that there is no room, when it is not the system's own words.
constexpr std::array<std::string_view, 6> kWordsForFull{"is full",   "errno: 28", "Errcode: 28",
                                                        "error: 28", "errno 28",  "error 28"};

constexpr std::string_view kSystemsWords = "No space left on device";

bool SpeaksOfRoom(std::string_view message) {
  return std::any_of(kWordsForFull.begin(), kWordsForFull.end(),
                     [&](std::string_view words) { return message.find(words) != std::string_view::npos; });
}

bool IsFull(const Error& error, const VolumeUse& volume) {
  // A server that was refused room gives back what it had of it: the words count more than what is free now.
  if (error.code == ErrorCode::kNoSpace || error.message.find(kSystemsWords) != std::string::npos)
    return true;
  if (!volume.measured) return SpeaksOfRoom(error.message);
  const uint64_t free = volume.measured->free_bytes;
  return free < kVolumeIsFullBytes ||
         (SpeaksOfRoom(error.message) && free < volume.bytes / kVolumeIsScarcePart);
}

}  // namespace

int DiskUse::Percent() const {
  const uint64_t all = used_bytes + free_bytes;
  return all == 0 ? 100 : static_cast<int>((used_bytes * 100 + all - 1) / all);
}

Result<DiskUse> UseOfDisk(const std::string& path) {
  struct statvfs disk {};
  if (::statvfs(path.c_str(), &disk) != 0)
    return FailErrno(errno, "cannot look at the disk of '" + path + "'");
  return DiskUse{(disk.f_blocks - disk.f_bfree) * disk.f_frsize, disk.f_bavail * disk.f_frsize};
}

Disk::Level Disk::LevelOf(int percent) const {
  if (percent >= refuse_percent_) return Level::kNone;
  return percent >= warn_percent_ ? Level::kLow : Level::kEnough;
}

bool Disk::IsLow() const {
  const auto use = UseOfDisk(state_directory_);
  return use && LevelOf(use->Percent()) != Level::kEnough;
}

std::string Disk::Describe(int percent) const {
  return fmt::format("the disk of '{}' is {} % full", state_directory_, percent);
}

Error ExplainSpace(Error error, const std::string& state_directory) {
  // A poisoned volume is one on a disk with room, too: what is asked for is a decision, and never a further
  // try.
  if (error.code == ErrorCode::kCancelled || error.code == ErrorCode::kPoisoned) return error;
  // Explained before, or in better words.
  if (error.code == ErrorCode::kNoSpace && !error.hint.empty()) return error;
  const bool host_is_full = FreeBytes(state_directory) < kDiskIsFullBytes;
  const bool says_so =
      error.code == ErrorCode::kNoSpace || error.message.find(kSystemsWords) != std::string::npos;
  if (!host_is_full && !says_so) return error;
  error.code = ErrorCode::kNoSpace;
  if (host_is_full)
    error.message = "no space left on the disk of '" + state_directory + "': " + error.message;
  if (error.hint.empty()) {
    error.hint = "Make room on the disk of '" + state_directory +
                 "', for example with `spawnctl delete data-container` or `spawnctl delete data-image`.";
  }
  return error;
}

std::string SizeInWords(uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"bytes", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  auto number = static_cast<double>(bytes);
  while (number >= 1024 && unit + 1 < kUnits.size()) {
    number /= 1024;
    ++unit;
  }
  const bool whole = number == static_cast<double>(static_cast<uint64_t>(number));
  return whole ? fmt::format("{:.0f} {}", number, kUnits[unit])
               : fmt::format("{:.1f} {}", number, kUnits[unit]);
}

Error ExplainVolume(Error error, const VolumeUse& volume, const std::string& state_directory) {
  const bool explained = error.code == ErrorCode::kNoSpace && !error.hint.empty();
  if (explained || error.code == ErrorCode::kCancelled || error.code == ErrorCode::kPoisoned) return error;
  const uint64_t free = FreeBytes(state_directory);
  if (free < kDiskIsFullBytes || !IsFull(error, volume))
    return ExplainSpace(std::move(error), state_directory);
  return {
      ErrorCode::kNoSpace, "the volume of " + SizeInWords(volume.bytes) + " is full: " + error.message,
      "Raise volumeSize in spawnd.yaml and restart spawnd: it is what a new image may have at most, and the "
      "disk of '" +
          state_directory + "' has " + SizeInWords(free) + " free."};
}

Error JudgeSpace(Error error, const std::string& state_directory) {
  const auto use = UseOfDisk(state_directory);
  const bool scarce = !use || use->free_bytes < kDiskIsScarceBytes || use->Percent() >= kDiskIsScarcePercent;
  if (scarce) return ExplainSpace(std::move(error), state_directory);
  if (error.code != ErrorCode::kNoSpace) return error;
  return {ErrorCode::kUnavailable,
          "there is room on the disk of '" + state_directory +
              "', but the container says that its volume has none: " + error.message,
          "`spawnctl load data-container` goes back to a revision from before. A volume is as large as "
          "volumeSize "
          "in spawnd.yaml was when its image was made: raise it and make the image again."};
}

}  // namespace spawnd::daemon
