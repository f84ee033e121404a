#include "storage/image/chunk_codec.h"

#include <random>
#include <vector>

#include "tests/support/catch.h"

namespace spawnd::storage {
namespace {

std::vector<std::byte> RandomChunk(uint32_t seed, size_t random_bytes) {
  std::mt19937 random(seed);
  std::vector<std::byte> chunk(kChunkSize, std::byte{'x'});
  for (size_t i = 0; i < random_bytes; ++i) chunk[i] = static_cast<std::byte>(random());
  return chunk;
}

TEST_CASE("a compressible chunk comes back as it was") {
  const std::vector<std::byte> chunk = RandomChunk(1, kChunkSize / 2);
  std::vector<std::byte> stored(kMaxCompressedBytes);
  const uint32_t length = CompressChunk(chunk, stored);
  REQUIRE(length > 0);
  CHECK(length < kChunkSize * 5 / 8);
  std::vector<std::byte> back(kChunkSize);
  REQUIRE(DecompressChunk(std::span(stored).first(length), back));
  CHECK(back == chunk);
}

TEST_CASE("a chunk that would not save an eighth is stored raw") {
  std::vector<std::byte> stored(kMaxCompressedBytes);
  CHECK(CompressChunk(RandomChunk(2, kChunkSize), stored) == 0);
  CHECK(CompressChunk(RandomChunk(3, kMaxCompressedBytes), stored) == 0);
  CHECK(CompressChunk(RandomChunk(4, kMaxCompressedBytes - 256), stored) > 0);
}

TEST_CASE("a block that is cut, or is not lz4, is refused") {
  const std::vector<std::byte> chunk = RandomChunk(5, 1000);
  std::vector<std::byte> stored(kMaxCompressedBytes);
  const uint32_t length = CompressChunk(chunk, stored);
  REQUIRE(length > 0);
  std::vector<std::byte> back(kChunkSize);
  for (uint32_t cut = 0; cut < length; ++cut) {
    const Result<void> result = DecompressChunk(std::span(stored).first(cut), back);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("all-zero is seen wherever the one odd byte stands") {
  std::vector<std::byte> bytes(kChunkSize);
  CHECK(IsAllZero(bytes));
  CHECK(IsAllZero({}));
  for (const size_t position : {size_t{0}, size_t{1}, size_t{4095}, size_t{kChunkSize - 1}}) {
    bytes[position] = std::byte{1};
    CHECK_FALSE(IsAllZero(bytes));
    bytes[position] = std::byte{0};
  }
}

}  // namespace
}  // namespace spawnd::storage
