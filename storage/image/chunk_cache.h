/// A small cache of equally long byte strings by number: decompressed chunks, and index leaves.
///
/// ext4 above the volume has the machine's page cache; this one only has to carry the next few pieces of a
/// chunk that was just read, so it is small and fixed: kShards * kWays values, made on first use. The least
/// recently used value of a shard goes first.
///
/// Thread-safe. Each shard has its own lock, held for a copy and never for a decompression or a read; two
/// threads that miss the same key at once both do the work, which is rarer and cheaper than waiting.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>

namespace spawnd::storage {

class ChunkCache {
 public:
  static constexpr size_t kShards = 8;
  static constexpr size_t kWays = 8;

  explicit ChunkCache(size_t value_bytes) : value_bytes_(value_bytes) {}

  /// Calls `visitor(std::span<const std::byte>)` under the shard's lock when the key is there; false when
  /// not.
  template <typename Visitor>
  bool Visit(uint64_t key, Visitor&& visitor) {
    Shard& shard = shards_[key % kShards];
    const std::lock_guard lock(shard.mutex);
    for (Way& way : shard.ways) {
      if (way.key != key) continue;
      way.used = ++shard.clock;
      visitor(std::span<const std::byte>(way.value.get(), value_bytes_));
      return true;
    }
    return false;
  }

  /// `value` has value_bytes. A key that is there already stays as it is: what is cached never changes.
  void Insert(uint64_t key, std::span<const std::byte> value) {
    Shard& shard = shards_[key % kShards];
    const std::lock_guard lock(shard.mutex);
    Way* oldest = &shard.ways[0];
    for (Way& way : shard.ways) {
      if (way.key == key) return;
      if (way.used < oldest->used) oldest = &way;
    }
    if (!oldest->value) oldest->value.reset(new std::byte[value_bytes_]);
    std::memcpy(oldest->value.get(), value.data(), value_bytes_);
    oldest->key = key;
    oldest->used = ++shard.clock;
  }

 private:
  static constexpr uint64_t kNoKey = UINT64_MAX;

  struct Way {
    uint64_t key = kNoKey;
    uint64_t used = 0;
    std::unique_ptr<std::byte[]> value;
  };
  struct Shard {
    std::mutex mutex;
    uint64_t clock = 0;
    std::array<Way, kWays> ways;
  };

  const size_t value_bytes_;
  std::array<Shard, kShards> shards_;
};

}  // namespace spawnd::storage
