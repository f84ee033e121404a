#include "storage/seal_batch.h"

#include <system_error>
#include <thread>

#include "storage/checksum.h"

namespace spawnd::storage {

SealBatch::SealBatch()
    : chunks_(new std::byte[kChunks * kChunkSize]),
      compressed_(new std::byte[kChunks * kMaxCompressedBytes]) {
  stored_.reserve(kChunks);
}

std::span<std::byte> SealBatch::Add() {
  return {chunks_.get() + count_++ * kChunkSize, kChunkSize};
}

void SealBatch::Clear() {
  count_ = 0;
  stored_.clear();
}

const std::vector<SealBatch::Stored>& SealBatch::Compress() {
  stored_.assign(count_, {});
  size_t helped_from = count_;
  std::thread helper;
  if (count_ > 1) {
    try {
      helper = std::thread([this, end = count_] { CompressRange(end / 2, end); });
      helped_from = count_ / 2;
    } catch (const std::system_error&) {
      // The system has no thread to give just now: this one does it all.
    }
  }
  CompressRange(0, helped_from);
  if (helper.joinable()) helper.join();
  return stored_;
}

void SealBatch::CompressRange(size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) {
    const std::span<const std::byte> chunk(chunks_.get() + i * kChunkSize, kChunkSize);
    if (IsAllZero(chunk)) continue;
    const std::span<std::byte> out(compressed_.get() + i * kMaxCompressedBytes, kMaxCompressedBytes);
    const uint32_t length = CompressChunk(chunk, out);
    const std::span<const std::byte> bytes = length == 0 ? chunk : out.first(length);
    stored_[i] = {.bytes = bytes, .checksum = Checksum(bytes)};
  }
}

}  // namespace spawnd::storage
