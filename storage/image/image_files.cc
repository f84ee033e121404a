#include "storage/image/image_files.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "storage/checksum.h"
#include "storage/geometry.h"

namespace spawnd::storage {
namespace {

// Positions in a header block; docs/store-format.md, "Header block".
constexpr size_t kMagicAt = 0;
constexpr size_t kVersionAt = 8;
constexpr size_t kChunkSizeAt = 12;
constexpr size_t kIncompatibleAt = 24;
constexpr size_t kChecksumAt = kHeaderBytes - 8;

/// Incompatible feature bits that this version understands: none yet.
constexpr uint64_t kKnownIncompatible = 0;

bool HasMagic(std::span<const std::byte> block, std::string_view magic) {
  return std::memcmp(block.data() + kMagicAt, magic.data(), magic.size()) == 0;
}

}  // namespace

std::string LayerPath(std::string_view directory, std::string_view layer_id) {
  return fmt::format("{}/{}{}", directory, layer_id, kLayerSuffix);
}

std::string TemporaryPath(std::string_view path) {
  return std::string(path) + ".tmp";
}

bool IsLayerId(std::string_view text) {
  return text.size() == kLayerIdLength && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

void BeginHeader(std::span<std::byte> block, std::string_view magic) {
  std::fill(block.begin(), block.end(), std::byte{0});
  std::memcpy(block.data() + kMagicAt, magic.data(), magic.size());
  PutU32(block, kVersionAt, kSealedFormatVersion);
  PutU32(block, kChunkSizeAt, kChunkSize);
}

void FinishHeader(std::span<std::byte> block) {
  PutU64(block, kChecksumAt, Checksum(block.first(kChecksumAt)));
}

Result<void> CheckHeader(std::span<const std::byte> block, std::string_view magic, const std::string& path) {
  if (!HasMagic(block, magic)) {
    return Fail(ErrorCode::kCorrupt, fmt::format("'{}' has no header: bytes 0 to {}: wrong magic", path, 8));
  }
  // The checksum comes before the version: a damaged version field is damage, not a newer version. Its place
  // in the block is therefore the one thing that no later version may move.
  if (GetU64(block, kChecksumAt) != Checksum(block.first(kChecksumAt))) {
    return Fail(
        ErrorCode::kCorrupt,
        fmt::format("header of '{}' is damaged, bytes 0 to {}: checksum mismatch", path, kHeaderBytes));
  }
  const uint32_t version = GetU32(block, kVersionAt);
  const uint64_t unknown = GetU64(block, kIncompatibleAt) & ~kKnownIncompatible;
  if (version != kSealedFormatVersion || unknown != 0 || GetU32(block, kChunkSizeAt) != kChunkSize) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("'{}' was made by a newer spawnd: format version {}, unknown features {:#x}",
                            path, version, unknown));
  }
  return {};
}

uint64_t HeaderChecksum(std::span<const std::byte> block) {
  return GetU64(block, kChecksumAt);
}

BatchWriter::BatchWriter(File& file) : file_(file), buffer_(new std::byte[kWriteBatchBytes]) {}

Result<void> BatchWriter::Append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const size_t part = std::min(bytes.size(), kWriteBatchBytes - buffered_);
    std::memcpy(buffer_.get() + buffered_, bytes.data(), part);
    buffered_ += part;
    bytes = bytes.subspan(part);
    if (buffered_ == kWriteBatchBytes) TRY(Flush());
  }
  return {};
}

Result<void> BatchWriter::Flush() {
  if (buffered_ == 0) return {};
  TRY(file_.WriteAt(written_, {buffer_.get(), buffered_}));
  written_ += buffered_;
  buffered_ = 0;
  return {};
}

RemoveUnlessKept::~RemoveUnlessKept() {
  for (const std::string& path : paths_) {
    // An error is on its way to the caller already. Nothing refers to what cannot be removed here, so it goes
    // when the folder is next looked after.
    (void)fs_.Remove(path);
  }
}

}  // namespace spawnd::storage
