#include "storage/boot_id.h"

#include <array>
#include <cstddef>

#include "base/file.h"

namespace spawnd::storage {

Result<std::string> ReadBootId() {
  const std::string path = "/proc/sys/kernel/random/boot_id";
  TRY_ASSIGN(const auto file, PosixFileSystem().Open(path, OpenMode::kRead));
  std::array<std::byte, 36> text{};
  TRY(ReadExactly(*file, 0, text, path));
  return std::string(reinterpret_cast<const char*>(text.data()), text.size());
}

}  // namespace spawnd::storage
