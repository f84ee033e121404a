#include "storage/image/chunk_codec.h"

#include <lz4.h>

#include <cstring>

namespace spawnd::storage {

bool IsAllZero(std::span<const std::byte> bytes) {
  // The first byte is zero and every byte equals the one before it: memcmp runs at the speed of memory.
  return bytes.empty() ||
         (bytes[0] == std::byte{0} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

uint32_t CompressChunk(std::span<const std::byte> chunk, std::span<std::byte> out) {
  const int length =
      LZ4_compress_default(reinterpret_cast<const char*>(chunk.data()), reinterpret_cast<char*>(out.data()),
                           static_cast<int>(chunk.size()), static_cast<int>(kMaxCompressedBytes));
  return static_cast<uint32_t>(length);  // 0: it does not fit, which is lz4's own word for it
}

Result<void> DecompressChunk(std::span<const std::byte> stored, std::span<std::byte> out) {
  const int length =
      LZ4_decompress_safe(reinterpret_cast<const char*>(stored.data()), reinterpret_cast<char*>(out.data()),
                          static_cast<int>(stored.size()), static_cast<int>(out.size()));
  if (length != static_cast<int>(kChunkSize)) {
    return Fail(ErrorCode::kCorrupt, "lz4 block does not decompress to a chunk");
  }
  return {};
}

}  // namespace spawnd::storage
