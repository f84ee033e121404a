/// The header of a member of a tar archive: POSIX.1-1988 (ustar), with GNU's sizes of 8 GiB and more, which
/// pg_dump writes too. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace spawnd::engines {

inline constexpr size_t kTarBlock = 512;

struct TarHeader {
  std::string path;
  char type = '0';
  uint64_t size = 0;
};

bool IsTar(std::string_view head);

/// `header`: kTarBlock bytes.
TarHeader ReadTarHeader(std::string_view header);

}  // namespace spawnd::engines
