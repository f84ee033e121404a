/// Puts a delta over an image: checks what callers ask for, translates between blocks and chunks, and decides
/// what a flush means.
#include "storage/volume.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <utility>

#include "storage/boot_id.h"
#include "storage/checksum.h"
#include "storage/delta/delta.h"
#include "storage/delta/revision.h"
#include "storage/delta/revision_below.h"

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

/// Of most writes the first bytes tell.
bool IsZeros(std::span<const std::byte> data) {
  uint64_t first = 0;
  if (data.size() < sizeof first) return false;
  std::memcpy(&first, data.data(), sizeof first);
  return first == 0 && std::memcmp(data.data(), data.data() + sizeof first, data.size() - sizeof first) == 0;
}

/// What a delta lies on, and who it is for the delta's header.
struct Ground {
  std::unique_ptr<Below> below;
  std::vector<const RevisionBelow*> revisions{};  ///< in `below`, from the lowest
  uint64_t identity = 0;
};

class DeltaVolume final : public Volume {
 public:
  DeltaVolume(VolumeOptions options, Ground ground, std::unique_ptr<Delta> delta)
      : options_(std::move(options)),
        below_(std::move(ground.below)),
        revisions_(std::move(ground.revisions)),
        delta_(std::move(delta)) {}

  uint64_t SizeBytes() const override { return options_.volume_bytes; }
  std::shared_ptr<Image> BaseImage() const override { return options_.image; }
  VolumeUsage Usage() override { return delta_->Usage(); }
  Result<void> CheckHealthy() override { return delta_->CheckHealthy(); }

  Result<void> Read(uint64_t offset, std::span<std::byte> out) override {
    TRY(CheckRange(offset, out.size()));
    return delta_->Read(BlockAt(offset), out);
  }

  Result<void> Write(uint64_t offset, std::span<const std::byte> data) override {
    TRY(CheckRange(offset, data.size()));
    writes_since_flush_.fetch_add(1, std::memory_order_relaxed);
    // Servers fill new files with zeros, some of them 12 MiB at every start. What reads as zeros anyway takes
    // no slot for that.
    if (IsZeros(data)) return delta_->Discard(BlockAt(offset), data.size() / kBlockSize);
    return delta_->Write(BlockAt(offset), data);
  }

  Result<void> Discard(uint64_t offset, uint64_t length) override {
    TRY(CheckRange(offset, length));
    return delta_->Discard(BlockAt(offset), length / kBlockSize);
  }

  Result<void> Flush() override {
    if (options_.durability != Durability::kAlways) return delta_->CheckHealthy();
    in_turns_.store(writes_since_flush_.exchange(0, std::memory_order_relaxed) == 1,
                    std::memory_order_relaxed);
    return delta_->Commit();
  }

  void AnticipateFlush() override {
    if (options_.durability != Durability::kAlways || !in_turns_.load(std::memory_order_relaxed) ||
        writes_since_flush_.load(std::memory_order_relaxed) != 1) {
      return;
    }
    static_cast<void>(delta_->Commit().has_value());
  }

  Result<void> CommitEpoch() override { return delta_->Commit(); }
  Result<RevisionUsage> SaveRevision(uint32_t number) override { return delta_->SaveRevision(number); }
  std::vector<RevisionUsage> Revisions() override { return delta_->Revisions(); }

  Result<uint64_t> NextData(uint64_t chunk) override {
    TRY(delta_->CheckHealthy());
    const uint64_t end = options_.volume_bytes / kChunkSize;
    uint64_t in_below = 0;  // first chunk with data below at or after `chunk`
    for (bool looked = false; chunk < end; ++chunk) {
      if (!looked || in_below < chunk) {
        TRY_ASSIGN(const uint32_t block, below_->NextData(BlockOf(chunk)));
        in_below = block / kBlocksPerChunk;
        looked = true;
      }
      const uint64_t in_delta = delta_->NextEntry(BlockOf(chunk)) / kBlocksPerChunk;
      chunk = std::min(in_below, in_delta);
      if (chunk >= end) break;
      const Delta::Blocks blocks = delta_->Count(BlockOf(chunk), kBlocksPerChunk);
      const bool below_shows = chunk == in_below && blocks.zeroed + blocks.in_slots < kBlocksPerChunk;
      if (blocks.in_slots > 0 || below_shows) return chunk;
    }
    return end;
  }

  bool ChunkIsFromImage(uint64_t chunk) override {
    const Delta::Blocks blocks = delta_->Count(BlockOf(chunk), kBlocksPerChunk);
    return blocks.in_slots + blocks.zeroed == 0 &&
           std::all_of(revisions_.begin(), revisions_.end(), [chunk](const RevisionBelow* revision) {
             return revision->HoldsNone(BlockOf(chunk), kBlocksPerChunk);
           });
  }

 private:
  static uint32_t BlockAt(uint64_t offset) { return static_cast<uint32_t>(offset / kBlockSize); }
  static uint32_t BlockOf(uint64_t chunk) { return static_cast<uint32_t>(chunk * kBlocksPerChunk); }

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
  const std::unique_ptr<Below> below_;
  const std::vector<const RevisionBelow*> revisions_;
  const std::unique_ptr<Delta> delta_;
  // A guess only, so nothing orders them with the writes they count.
  std::atomic<uint32_t> writes_since_flush_{0};
  std::atomic<bool> in_turns_{false};  ///< between the last two flushes there was one write
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

/// From the image upward. The salt of each revision goes into the identity of what lies on it, so that a
/// volume that was given other ground than it was made on is refused.
Result<Ground> OpenGround(FileSystem& fs, const VolumeOptions& options) {
  const auto blocks = static_cast<uint32_t>(options.volume_bytes / kBlockSize);
  Ground ground{.below = std::make_unique<ImageBelow>(options.image, blocks),
                .identity = IdentityOf(options.image.get())};
  for (auto revision = options.revisions.rbegin(); revision != options.revisions.rend(); ++revision) {
    const RevisionOwner owner{.volume_bytes = options.volume_bytes, .image_identity = ground.identity};
    TRY_ASSIGN(auto opened, RevisionBelow::Open(fs, revision->directory, revision->number, owner,
                                                std::move(ground.below)));
    ground.identity ^= opened->Salt();
    ground.revisions.push_back(opened.get());
    ground.below = std::move(opened);
  }
  return ground;
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
  TRY_ASSIGN(Ground ground, OpenGround(fs, options));
  DeltaOptions delta_options{.directory = options.directory,
                             .blocks = static_cast<uint32_t>(options.volume_bytes / kBlockSize),
                             .durability = options.durability,
                             .image_identity = ground.identity,
                             .boot_id = options.boot_id,
                             .journal_compaction_bytes = options.journal_compaction_bytes};
  TRY_ASSIGN(auto delta, Delta::Open(fs, std::move(delta_options), *ground.below));
  return std::make_unique<DeltaVolume>(std::move(options), std::move(ground), std::move(delta));
}

Result<void> RevertDelta(FileSystem& fs, const VolumeOptions& options, std::optional<uint32_t> revision) {
  TRY(CheckSize(options));
  TRY_ASSIGN(const Ground ground, OpenGround(fs, options));
  const RevisionOwner owner{.volume_bytes = options.volume_bytes, .image_identity = ground.identity};
  return RevertJournal(fs, options.directory, owner, revision);
}

}  // namespace spawnd::storage
