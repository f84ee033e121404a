/// See loop(4) and linux/loop.h; LOOP_CONFIGURE (Linux 5.8) attaches and sets everything in one step.
#include "storage/export/loop_device.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "storage/geometry.h"

namespace spawnd::storage {
namespace {

/// Another process may take the free device between the two calls that find and claim it; with 32 creates at
/// once each loses a handful of times at most.
constexpr int kAttempts = 256;

Result<void> CheckDirectIo(int loop_fd, const std::string& path) {
  loop_info64 info{};
  if (::ioctl(loop_fd, LOOP_GET_STATUS64, &info) != 0)
    return FailErrno(errno, "cannot read the state of " + path);
  if ((info.lo_flags & LO_FLAGS_DIRECT_IO) == 0) {
    // Buffered, every block would be in memory twice and a flush would not mean what it says.
    return Fail(ErrorCode::kIo, "the kernel refused direct I/O on " + path);
  }
  return {};
}

/// Whoever used this device before may have set its queue up, and the kernel remembers that for the next
/// file. `wanted` is how the file ends up reading.
Result<void> SetQueue(int number, const char* setting, std::string_view wanted) {
  const std::string path = "/sys/block/loop" + std::to_string(number) + "/queue/" + setting;
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file.Valid()) return FailErrno(errno, "cannot open '" + path + "'");
  std::array<char, 32> now{};
  const ssize_t got = ::pread(file.Get(), now.data(), now.size(), 0);
  if (got < 0) return FailErrno(errno, "cannot read '" + path + "'");
  std::string_view text(now.data(), static_cast<size_t>(got));
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text == wanted) return {};
  if (::pwrite(file.Get(), wanted.data(), wanted.size(), 0) < 0) {
    return FailErrno(errno, "cannot write '" + path + "'");
  }
  return {};
}

Result<void> SetUpQueue(int number) {
  // With "write through" flushes would end in the kernel and promise what nobody did.
  TRY(SetQueue(number, "write_cache", "write back"));
  // Measured (docs/performance.md): more than FUSE reads at once, or none, halves the speed of a scan.
  // Nothing worse happens where /sys cannot be written.
  static_cast<void>(SetQueue(number, "read_ahead_kb", "512").has_value());
  return {};
}

}  // namespace

Result<LoopDevice> AttachLoopDevice(const std::string& file_path) {
  const UniqueFd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control.Valid()) return FailErrno(errno, "cannot open /dev/loop-control");
  const UniqueFd file(::open(file_path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file.Valid()) return FailErrno(errno, "cannot open '" + file_path + "'");

  loop_config config{};
  config.fd = static_cast<uint32_t>(file.Get());
  config.block_size = kBlockSize;
  config.info.lo_flags = LO_FLAGS_DIRECT_IO | LO_FLAGS_AUTOCLEAR;

  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const int number = ::ioctl(control.Get(), LOOP_CTL_GET_FREE);
    if (number < 0) return FailErrno(errno, "cannot find a free loop device");
    std::string path = "/dev/loop" + std::to_string(number);
    UniqueFd device(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!device.Valid()) {
      // ENXIO: the device was removed in between. ENOENT: its node is not there yet.
      if (errno == ENXIO || errno == ENOENT) continue;
      return FailErrno(errno, "cannot open " + path);
    }
    if (::ioctl(device.Get(), LOOP_CONFIGURE, &config) == 0) {
      TRY(CheckDirectIo(device.Get(), path));
      TRY(SetUpQueue(number));
      return LoopDevice{std::move(path), std::move(device)};
    }
    if (errno != EBUSY) return FailErrno(errno, "cannot attach " + path);
  }
  return Fail(ErrorCode::kIo,
              "cannot attach a loop device: every one that was free was taken by somebody else");
}

}  // namespace spawnd::storage
