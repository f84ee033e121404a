/// Puts a delta over an image: checks what callers ask for, translates between blocks and chunks, and decides
/// what a flush means.
#include "storage/volume.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "storage/boot_id.h"
#include "storage/checksum.h"
#include "storage/delta.h"

namespace spawnd::storage {
namespace {

/// The image, or nothing, in blocks.
class ImageBelow final : public Below {
 public:
  ImageBelow(std::shared_ptr<Image> image, uint32_t blocks) : image_(std::move(image)), blocks_(blocks) {}

  Result<void> Read(uint32_t block, std::span<std::byte> out) override {
    if (image_ == nullptr) {
      std::memset(out.data(), 0, out.size());
      return {};
    }
    while (!out.empty()) {
      const uint32_t first = block % kBlocksPerChunk;
      const size_t bytes = std::min<size_t>(out.size(), size_t{kBlocksPerChunk - first} * kBlockSize);
      TRY(ReadWithinChunk(block, out.first(bytes)));
      block += static_cast<uint32_t>(bytes / kBlockSize);
      out = out.subspan(bytes);
    }
    return {};
  }

  Result<uint32_t> NextData(uint32_t block) override {
    if (image_ == nullptr || block >= blocks_) return blocks_;
    TRY_ASSIGN(const uint64_t chunk, image_->NextData(block / kBlocksPerChunk));
    return std::max(block, static_cast<uint32_t>(chunk * kBlocksPerChunk));
  }

 private:
  Result<void> ReadWithinChunk(uint32_t block, std::span<std::byte> out) {
    const uint64_t chunk = block / kBlocksPerChunk;
    if (out.size() == kChunkSize) return image_->ReadChunk(chunk, out);
    // The image keeps decompressed chunks, so the neighbours of this piece cost a copy, not a decompression.
    std::array<std::byte, kChunkSize> whole;
    TRY(image_->ReadChunk(chunk, whole));
    std::memcpy(out.data(), whole.data() + size_t{block % kBlocksPerChunk} * kBlockSize, out.size());
    return {};
  }

  std::shared_ptr<Image> image_;
  uint32_t blocks_;
};

class DeltaVolume final : public Volume {
 public:
  DeltaVolume(VolumeOptions options, std::unique_ptr<ImageBelow> below, std::unique_ptr<Delta> delta)
      : options_(std::move(options)), below_(std::move(below)), delta_(std::move(delta)) {}

  uint64_t SizeBytes() const override { return options_.volume_bytes; }
  std::shared_ptr<Image> BaseImage() const override { return options_.image; }
  VolumeUsage Usage() override { return delta_->Usage(); }

  Result<void> Read(uint64_t offset, std::span<std::byte> out) override {
    TRY(CheckRange(offset, out.size()));
    return delta_->Read(BlockAt(offset), out);
  }

  Result<void> Write(uint64_t offset, std::span<const std::byte> data) override {
    TRY(CheckRange(offset, data.size()));
    return delta_->Write(BlockAt(offset), data);
  }

  Result<void> Discard(uint64_t offset, uint64_t length) override {
    TRY(CheckRange(offset, length));
    return delta_->Discard(BlockAt(offset), length / kBlockSize);
  }

  Result<void> Flush() override {
    return options_.durability == Durability::kAlways ? delta_->Commit() : delta_->CheckHealthy();
  }

  Result<void> CommitEpoch() override { return delta_->Commit(); }

  Result<uint64_t> NextData(uint64_t chunk) override {
    TRY(delta_->CheckHealthy());
    const uint64_t end = options_.volume_bytes / kChunkSize;
    uint64_t in_image = 0;  // first chunk with image data at or after `chunk`
    for (bool looked = false; chunk < end; ++chunk) {
      if (!looked || in_image < chunk) {
        TRY_ASSIGN(in_image, ImageDataFrom(chunk));
        looked = true;
      }
      const uint64_t in_delta = delta_->NextEntry(BlockOf(chunk)) / kBlocksPerChunk;
      chunk = std::min(in_image, in_delta);
      if (chunk >= end) break;
      const Delta::Blocks blocks = delta_->Count(BlockOf(chunk), kBlocksPerChunk);
      const bool image_shows = chunk == in_image && blocks.zeroed + blocks.in_slots < kBlocksPerChunk;
      if (blocks.in_slots > 0 || image_shows) return chunk;
    }
    return end;
  }

  bool ChunkIsFromImage(uint64_t chunk) override {
    const Delta::Blocks blocks = delta_->Count(BlockOf(chunk), kBlocksPerChunk);
    return blocks.in_slots + blocks.zeroed == 0;
  }

 private:
  static uint32_t BlockAt(uint64_t offset) { return static_cast<uint32_t>(offset / kBlockSize); }
  static uint32_t BlockOf(uint64_t chunk) { return static_cast<uint32_t>(chunk * kBlocksPerChunk); }

  Result<uint64_t> ImageDataFrom(uint64_t chunk) {
    if (options_.image == nullptr) return options_.volume_bytes / kChunkSize;
    return options_.image->NextData(chunk);
  }

  Result<void> CheckRange(uint64_t offset, uint64_t length) const {
    if (offset % kBlockSize == 0 && length % kBlockSize == 0 && offset <= options_.volume_bytes &&
        length <= options_.volume_bytes - offset) {
      return {};
    }
    return Fail(ErrorCode::kInvalidArgument, "bytes " + std::to_string(offset) + " to " +
                                                 std::to_string(offset + length) +
                                                 " are not whole blocks of a volume of " +
                                                 std::to_string(options_.volume_bytes) + " bytes");
  }

  const VolumeOptions options_;
  const std::unique_ptr<ImageBelow> below_;
  const std::unique_ptr<Delta> delta_;
};

/// Layer ids are random and a sealed file never changes, so the list of them stands for the image's content;
/// a delta opened over any other would show a mixture of two databases.
uint64_t IdentityOf(const Image* image) {
  if (image == nullptr) return 0;
  RunningChecksum identity;
  for (const std::string& id : image->LayerIds()) identity.Add(std::as_bytes(std::span(id)));
  return identity.Value();
}

Result<void> CheckSize(const VolumeOptions& options) {
  if (options.volume_bytes == 0 || options.volume_bytes % kChunkSize != 0 ||
      options.volume_bytes > kMaxVolumeBytes) {
    return Fail(ErrorCode::kInvalidArgument, "a volume cannot have " + std::to_string(options.volume_bytes) +
                                                 " bytes: not a multiple of 16 KiB up to 8 TiB");
  }
  if (options.image != nullptr && options.image->VolumeBytes() != options.volume_bytes) {
    return Fail(ErrorCode::kInvalidArgument, "a volume of " + std::to_string(options.volume_bytes) +
                                                 " bytes cannot lie over an image of " +
                                                 std::to_string(options.image->VolumeBytes()) + " bytes");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Volume>> Volume::Open(FileSystem& fs, VolumeOptions options) {
  TRY(CheckSize(options));
  if (options.boot_id.empty()) {
    TRY_ASSIGN(options.boot_id, ReadBootId());
  }
  if (options.boot_id.size() > kMaxBootIdBytes) {
    return Fail(ErrorCode::kInvalidArgument, "boot id '" + options.boot_id + "' is too long");
  }
  const auto blocks = static_cast<uint32_t>(options.volume_bytes / kBlockSize);
  auto below = std::make_unique<ImageBelow>(options.image, blocks);
  DeltaOptions delta_options{.directory = options.directory,
                             .blocks = blocks,
                             .durability = options.durability,
                             .image_identity = IdentityOf(options.image.get()),
                             .boot_id = options.boot_id,
                             .journal_compaction_bytes = options.journal_compaction_bytes};
  TRY_ASSIGN(auto delta, Delta::Open(fs, std::move(delta_options), *below));
  return std::make_unique<DeltaVolume>(std::move(options), std::move(below), std::move(delta));
}

}  // namespace spawnd::storage
