/// What every stored format of the store is made of: little-endian numbers and xxh3-64 checksums.
///
/// A record is encoded field by field at fixed positions, never by copying a struct: padding, byte order and
/// the compiler have no say in the format. Pure functions; safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace spawnd::storage {

/// xxh3-64 (xxHash specification, Yann Collet) of `bytes`. A `seed` binds the bytes to the place where they
/// belong, so that a record found at a wrong place does not pass.
uint64_t Checksum(std::span<const std::byte> bytes, uint64_t seed = 0);

/// The same checksum over bytes that come in pieces. Not thread-safe.
class RunningChecksum {
 public:
  explicit RunningChecksum(uint64_t seed = 0);
  void Add(std::span<const std::byte> bytes);
  uint64_t Value() const;
  void Restart(uint64_t seed);

 private:
  struct Free {
    void operator()(void* state) const;
  };
  std::unique_ptr<void, Free> state_;
};

/// Writes the low `Size` bytes of `value`, least significant first, at byte `position` of `out`.
template <size_t Size>
void PutLittleEndian(std::span<std::byte> out, size_t position, uint64_t value) {
  const std::span<std::byte> field = out.subspan(position, Size);
  for (size_t i = 0; i < Size; ++i) field[i] = static_cast<std::byte>(value >> (8 * i));
}

template <size_t Size>
uint64_t GetLittleEndian(std::span<const std::byte> in, size_t position) {
  const std::span<const std::byte> field = in.subspan(position, Size);
  uint64_t value = 0;
  for (size_t i = 0; i < Size; ++i) value |= static_cast<uint64_t>(field[i]) << (8 * i);
  return value;
}

inline void PutU16(std::span<std::byte> out, size_t position, uint16_t value) {
  PutLittleEndian<2>(out, position, value);
}
inline void PutU32(std::span<std::byte> out, size_t position, uint32_t value) {
  PutLittleEndian<4>(out, position, value);
}
inline void PutU64(std::span<std::byte> out, size_t position, uint64_t value) {
  PutLittleEndian<8>(out, position, value);
}
inline uint16_t GetU16(std::span<const std::byte> in, size_t position) {
  return static_cast<uint16_t>(GetLittleEndian<2>(in, position));
}
inline uint32_t GetU32(std::span<const std::byte> in, size_t position) {
  return static_cast<uint32_t>(GetLittleEndian<4>(in, position));
}
inline uint64_t GetU64(std::span<const std::byte> in, size_t position) {
  return GetLittleEndian<8>(in, position);
}

}  // namespace spawnd::storage
