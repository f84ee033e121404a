#include "storage/checksum.h"

#include <array>
#include <string_view>

#include "tests/support/catch.h"

namespace spawnd::storage {
namespace {

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST_CASE("checksums are xxh3-64 as published, so that any other tool can verify a store") {
  // Vectors of the xxHash specification's reference implementation (xxhsum -H3).
  CHECK(Checksum({}) == 0x2d06800538d394c2);
  CHECK(Checksum(Bytes("abc")) == 0x78af5f94892f3950);
}

TEST_CASE("a seed changes the checksum") {
  CHECK(Checksum(Bytes("leaf"), 1) != Checksum(Bytes("leaf"), 2));
}

TEST_CASE("a running checksum equals the checksum of the whole, however it was cut") {
  const std::string_view text = "the quick brown fox jumps over the lazy dog, again and again and again";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    RunningChecksum running(7);
    running.Add(Bytes(text.substr(0, cut)));
    running.Add(Bytes(text.substr(cut)));
    CHECK(running.Value() == Checksum(Bytes(text), 7));
    running.Restart(0);
    running.Add(Bytes("abc"));
    CHECK(running.Value() == 0x78af5f94892f3950);
  }
}

TEST_CASE("numbers are little-endian at their position and touch nothing else") {
  std::array<std::byte, 16> record{};
  PutU32(record, 3, 0x01020304);
  CHECK(record[2] == std::byte{0});
  CHECK(record[3] == std::byte{4});
  CHECK(record[6] == std::byte{1});
  CHECK(record[7] == std::byte{0});
  CHECK(GetU32(record, 3) == 0x01020304);
  PutU64(record, 8, 0xfedcba9876543210);
  CHECK(GetU64(record, 8) == 0xfedcba9876543210);
  CHECK(record[8] == std::byte{0x10});
  PutU16(record, 0, 0xabcd);
  CHECK(GetU16(record, 0) == 0xabcd);
}

}  // namespace
}  // namespace spawnd::storage
