#include <fcntl.h>
#include <fmt/format.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <charconv>
#include <ctime>
#include <fstream>
#include <optional>

#include "base/unique_fd.h"
#include "daemon/doctor/checks.h"

namespace spawnd::daemon {
namespace {

/// Idmapped mounts, which containers' users need (README).
constexpr int kKernelMajor = 5;
constexpr int kKernelMinor = 12;

std::optional<int64_t> NumberIn(const char* path) {
  std::ifstream file(path);
  int64_t number = 0;
  if (!(file >> number)) return {};
  return number;
}

bool KernelKnowsFileSystem(std::string_view name) {
  std::ifstream file("/proc/filesystems");
  std::string line;
  while (std::getline(file, line)) {
    if (line.ends_with("\t" + std::string(name))) return true;
  }
  return false;
}

}  // namespace

bool KernelIsAtLeast(std::string_view release, int major, int minor) {
  int found_major = 0;
  int found_minor = 0;
  const char* end = release.data() + release.size();
  const auto first = std::from_chars(release.data(), end, found_major);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.') return false;
  if (std::from_chars(first.ptr + 1, end, found_minor).ec != std::errc()) return false;
  return found_major > major || (found_major == major && found_minor >= minor);
}

Diagnoses CheckKernel() {
  utsname name{};
  if (::uname(&name) != 0) return {{"kernel", kBad, "the kernel does not say its version", ""}};
  const std::string release(&name.release[0]);
  if (!KernelIsAtLeast(release, kKernelMajor, kKernelMinor)) {
    return {{"kernel", kBad, fmt::format("Linux {} is older than {}.{}", release, kKernelMajor, kKernelMinor),
             "Boot a newer kernel: apt install linux-image-amd64"}};
  }
  // Known once the module is loaded, which a mount does by itself where there are modules.
  const bool ext4 = KernelKnowsFileSystem("ext4") || ::access("/sbin/modprobe", X_OK) == 0;
  if (!ext4) return {{"kernel", kBad, "this kernel has no ext4, which volumes are made of", ""}};
  return {{"kernel", kGood, "Linux " + release, ""}};
}

Diagnoses CheckFuse() {
  const UniqueFd device(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (device.Valid()) return {{"fuse", kGood, "/dev/fuse can be opened", ""}};
  if (errno == ENOENT || errno == ENODEV || errno == ENXIO) {
    return {{"fuse", kBad, "there is no /dev/fuse, through which volumes are served",
             "modprobe fuse; in a container: --device /dev/fuse"}};
  }
  return {{"fuse", kBad, fmt::format("/dev/fuse cannot be opened: {}", ::strerror(errno)),
           "Look as root; in a container: --device /dev/fuse"}};
}

Diagnoses CheckLoopDevices() {
  const UniqueFd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control.Valid()) {
    return {{"loop devices", kBad, fmt::format("/dev/loop-control cannot be opened: {}", ::strerror(errno)),
             "modprobe loop; in a container: --privileged, or --device /dev/loop-control and the devices"}};
  }
  const int number = ::ioctl(control.Get(), LOOP_CTL_GET_FREE);
  if (number < 0) {
    return {{"loop devices", kBad, fmt::format("there is no free loop device: {}", ::strerror(errno)),
             "losetup -a shows who has them"}};
  }
  const std::string device = "/dev/loop" + std::to_string(number);
  if (::access(device.c_str(), R_OK | W_OK) != 0) {
    return {{"loop devices", kBad,
             fmt::format("{} is free, but cannot be used: {}", device, ::strerror(errno)),
             "In a container /dev has to be the host's: -v /dev:/dev"}};
  }
  return {{"loop devices", kGood, "there are free ones", ""}};
}

Diagnoses CheckClock() {
  // Before this was written: a lifetime cannot be counted by such a clock.
  constexpr std::time_t kEarliest = 1'760'000'000;
  if (std::time(nullptr) < kEarliest) {
    return {{"clock", kBad, "the clock is in the past, so what expires would live too long",
             "timedatectl set-ntp true, or date --set"}};
  }
  timex state{};
  const int clock = ::adjtimex(&state);
  if (clock == TIME_ERROR || (static_cast<unsigned>(state.status) & STA_UNSYNC) != 0) {
    return {{"clock", kWarning, "nobody says that the clock is right; lifetimes and tokens end by it",
             "timedatectl set-ntp true, or another time service"}};
  }
  return {{"clock", kGood, "synchronised", ""}};
}

Diagnoses CheckKernelLimits() {
  const auto requests = NumberIn("/proc/sys/fs/aio-nr");
  const auto most_requests = NumberIn("/proc/sys/fs/aio-max-nr");
  if (requests && most_requests && *requests > *most_requests / 10 * 8) {
    return {{"kernel limits", kWarning,
             fmt::format("{} of {} asynchronous requests are taken; servers that want theirs do not start",
                         *requests, *most_requests),
             "sysctl -w fs.aio-max-nr=1048576"}};
  }
  const auto processes = NumberIn("/proc/sys/kernel/pid_max");
  constexpr int64_t kProcesses = 32'768;
  if (processes && *processes < kProcesses) {
    return {{"kernel limits", kWarning, fmt::format("there can be {} processes only", *processes),
             "sysctl -w kernel.pid_max=4194304"}};
  }
  return {{"kernel limits", kGood, "wide enough", ""}};
}

}  // namespace spawnd::daemon
