#include "engines/unpack/tar_header.h"

namespace spawnd::engines {
namespace {

/// Octal text, or a binary number behind a byte with its top bit set (GNU).
uint64_t SizeIn(std::string_view field) {
  uint64_t size = 0;
  if ((static_cast<unsigned char>(field.front()) & 0x80U) != 0) {
    for (const char c : field.substr(1)) size = (size << 8U) | static_cast<unsigned char>(c);
    return size;
  }
  for (const char c : field) {
    if (c >= '0' && c <= '7') size = (size << 3U) | static_cast<uint64_t>(c - '0');
  }
  return size;
}

std::string_view Text(std::string_view field) {
  return field.substr(0, field.find('\0'));
}

}  // namespace

bool IsTar(std::string_view head) {
  constexpr size_t kMagicAt = 257;
  return head.size() > kMagicAt && head.substr(kMagicAt, 5) == "ustar";
}

TarHeader ReadTarHeader(std::string_view header) {
  TarHeader read;
  read.path = Text(header.substr(0, 100));
  read.type = header[156];
  read.size = SizeIn(header.substr(124, 12));
  // GNU's own format has other things there.
  if (header.substr(257, 6) == std::string_view("ustar\0", 6)) {
    const std::string_view prefix = Text(header.substr(345, 155));
    if (!prefix.empty()) read.path = std::string(prefix) + "/" + read.path;
  }
  return read;
}

}  // namespace spawnd::engines
