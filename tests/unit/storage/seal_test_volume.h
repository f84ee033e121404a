/// What the tests of sealed files share: a volume in memory, chunks to fill it with.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/random.h"
#include "storage/image/image.h"
#include "storage/seal.h"
#include "storage/volume.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::storage::testing {

using Bytes = std::vector<std::byte>;

inline std::vector<std::string> NamesIn(const ScratchDirectory& directory) {
  return PosixFileSystem().List(directory.Path()).value();
}

inline Bytes ReadFile(const std::string& path) {
  auto file = PosixFileSystem().Open(path, OpenMode::kRead);
  REQUIRE(file);
  Bytes bytes((*file)->Size().value());
  REQUIRE((*file)->ReadAt(0, bytes).value() == bytes.size());
  return bytes;
}

inline void WriteFile(const std::string& path, std::span<const std::byte> bytes) {
  auto file = PosixFileSystem().Open(path, OpenMode::kCreate);
  REQUIRE(file);
  REQUIRE((*file)->Truncate(0));
  REQUIRE((*file)->WriteAt(0, bytes));
}

/// A chunk whose first `random_bytes` do not compress and whose rest does.
inline Bytes MakeChunk(uint64_t seed, size_t random_bytes = 200) {
  std::mt19937_64 random(seed);
  Bytes chunk(kChunkSize, static_cast<std::byte>('a' + seed % 26));
  for (size_t i = 0; i < random_bytes; ++i) chunk[i] = static_cast<std::byte>(random());
  return chunk;
}

inline Bytes RawChunk(uint64_t seed) {
  return MakeChunk(seed, kChunkSize);
}

/// A volume whose changed chunks are in memory. As a real one, it counts a discarded chunk as changed.
class MemoryVolume : public Volume {
 public:
  explicit MemoryVolume(uint64_t chunks, std::shared_ptr<Image> image = nullptr)
      : chunk_count_(chunks), image_(std::move(image)) {}

  void Put(uint64_t chunk, Bytes bytes) { changed_[chunk] = std::move(bytes); }

  uint64_t SizeBytes() const override { return chunk_count_ * kChunkSize; }
  Result<void> Read(uint64_t offset, std::span<std::byte> out) override {
    REQUIRE(out.size() == kChunkSize);
    const auto found = changed_.find(offset / kChunkSize);
    if (found != changed_.end()) {
      std::ranges::copy(found->second, out.begin());
      return {};
    }
    if (image_ != nullptr) return image_->ReadChunk(offset / kChunkSize, out);
    std::ranges::fill(out, std::byte{0});
    return {};
  }
  Result<void> Write(uint64_t offset, std::span<const std::byte> data) override {
    Put(offset / kChunkSize, Bytes(data.begin(), data.end()));
    return {};
  }
  Result<void> Discard(uint64_t offset, uint64_t) override {
    Put(offset / kChunkSize, Bytes(kChunkSize));
    return {};
  }
  Result<void> Flush() override { return {}; }
  Result<RevisionUsage> SaveRevision(uint32_t) override {
    return Fail(ErrorCode::kUnsupported, "a volume in memory has no revisions");
  }
  std::vector<RevisionUsage> Revisions() override { return {}; }
  Result<void> CommitEpoch() override { return {}; }
  Result<uint64_t> NextData(uint64_t chunk) override {
    const auto found = changed_.lower_bound(chunk);
    const uint64_t changed = found == changed_.end() ? chunk_count_ : found->first;
    if (image_ == nullptr) return changed;
    TRY_ASSIGN(const uint64_t below, image_->NextData(chunk));
    return std::min(changed, below);
  }
  bool ChunkIsFromImage(uint64_t chunk) override { return !changed_.contains(chunk); }
  std::shared_ptr<Image> BaseImage() const override { return image_; }
  VolumeUsage Usage() override { return {}; }
  Result<void> CheckHealthy() override { return {}; }

 private:
  uint64_t chunk_count_;
  std::shared_ptr<Image> image_;
  std::map<uint64_t, Bytes> changed_;
};

struct Sealed {
  std::string index_path;
  std::string layer_id;
  SealResult result;
};

/// Seals into `directory` under fresh names and requires success.
inline Sealed SealInto(const ScratchDirectory& directory, Volume& volume,
                       FileSystem& fs = PosixFileSystem()) {
  Sealed sealed;
  sealed.layer_id = RandomId();
  sealed.index_path = directory / (RandomId() + ".index");
  const auto result = Seal(
      fs, volume,
      {.layer_directory = directory.Path(), .layer_id = sealed.layer_id, .index_path = sealed.index_path},
      {});
  if (!result) FAIL(result.error().message);
  sealed.result = *result;
  return sealed;
}

inline std::shared_ptr<Image> OpenImage(const ScratchDirectory& directory, const Sealed& sealed) {
  auto image = Image::Open(PosixFileSystem(), sealed.index_path, directory.Path());
  if (!image) FAIL(image.error().message);
  return std::move(*image);
}

inline Bytes ChunkOf(Image& image, uint64_t chunk) {
  Bytes bytes(kChunkSize);
  const auto result = image.ReadChunk(chunk, bytes);
  if (!result) FAIL(result.error().message);
  return bytes;
}

}  // namespace spawnd::storage::testing
