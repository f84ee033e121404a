/// Numbers as zip, zstd and lz4 write them. Pure; the bytes have to be there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace spawnd::engines {

inline uint64_t LittleEndian(std::string_view bytes, size_t at, size_t length) {
  uint64_t value = 0;
  for (size_t i = length; i > 0; --i) value = (value << 8U) | static_cast<unsigned char>(bytes[at + i - 1]);
  return value;
}
inline uint16_t LittleEndian16(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>(LittleEndian(bytes, at, 2));
}
inline uint32_t LittleEndian32(std::string_view bytes, size_t at) {
  return static_cast<uint32_t>(LittleEndian(bytes, at, 4));
}
inline uint64_t LittleEndian64(std::string_view bytes, size_t at) {
  return LittleEndian(bytes, at, 8);
}

}  // namespace spawnd::engines
