#include "storage/seal.h"

#include <fmt/core.h>

#include <algorithm>

#include "storage/checksum.h"
#include "storage/image/image_files.h"
#include "storage/image/index_writer.h"
#include "storage/seal_batch.h"
#include "storage/seal_layers.h"
#include "storage/volume.h"

namespace spawnd::storage {
namespace {

/// Chunks the walk passes between two questions whether to go on, when none of them is changed data.
constexpr uint64_t kChunksPerQuestion = 65536;
/// Entries that wait for the batch in front of them: bounds memory when few chunks are changed.
constexpr size_t kMaxPending = 4096;

using Progress = std::function<bool(const SealProgress&)>;

/// One Seal from start to end; its methods are called in the order in which they stand here.
class Sealing {
 public:
  Sealing(FileSystem& fs, Volume& volume, const SealRequest& request, const Progress& progress)
      : fs_(fs),
        volume_(volume),
        request_(request),
        progress_(progress),
        parent_(volume.BaseImage()),
        merge_(parent_ != nullptr && parent_->LayerIds().size() >= kMaxLayers),
        chunk_count_(volume.SizeBytes() / kChunkSize),
        cleanup_(fs),
        layers_(fs, request.layer_directory, request.layer_id, parent_.get(), cleanup_) {}

  Result<void> CheckRequest();
  Result<void> CountChanged();
  Result<void> WriteChunks();
  Result<SealResult> Publish();

 private:
  /// An index entry in the making: a location, or a place in the batch.
  struct Pending {
    uint64_t chunk = 0;
    bool in_batch = false;
    ChunkLocation location;
  };

  /// True when the chunk's bytes have to be read from the volume.
  bool IsChanged(uint64_t chunk) { return merge_ || !volume_.ChunkIsFromImage(chunk); }
  Result<void> Ask();
  Result<void> AddChanged(uint64_t chunk);
  Result<void> AddUnchanged(uint64_t chunk);
  Result<void> FlushPending();

  FileSystem& fs_;
  Volume& volume_;
  const SealRequest& request_;
  const Progress& progress_;
  const std::shared_ptr<Image> parent_;
  const bool merge_;  ///< the parent has so many layers that everything goes into one new layer
  const uint64_t chunk_count_;
  SealProgress state_;
  RemoveUnlessKept cleanup_;
  SealLayers layers_;
  std::unique_ptr<IndexWriter> index_;
  SealBatch batch_;
  std::vector<Pending> pending_;
};

Result<void> Sealing::CheckRequest() {
  if (!IsLayerId(request_.layer_id)) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is not a layer id", request_.layer_id));
  }
  // A rename would silently replace a sealed file, which must never change (invariant 6).
  for (const std::string& path :
       {LayerPath(request_.layer_directory, request_.layer_id), request_.index_path}) {
    TRY_ASSIGN(const bool exists, fs_.Exists(path));
    if (exists) return Fail(ErrorCode::kAlreadyExists, fmt::format("'{}' is already sealed", path));
    TRY_ASSIGN(const bool interrupted, fs_.Exists(TemporaryPath(path)));
    if (interrupted) TRY(fs_.Remove(TemporaryPath(path)));
  }
  return {};
}

Result<void> Sealing::Ask() {
  if (progress_ && !progress_(state_)) return Fail(ErrorCode::kCancelled, "sealing was cancelled");
  return {};
}

/// A walk over maps only, so that progress has an exact end. It costs a small part of what the data costs.
Result<void> Sealing::CountChanged() {
  for (uint64_t chunk = 0, walked = 1;; ++chunk, ++walked) {
    TRY_ASSIGN(chunk, volume_.NextData(chunk));
    if (chunk >= chunk_count_) break;
    if (IsChanged(chunk)) state_.bytes_total += kChunkSize;
    if (walked % kChunksPerQuestion == 0) TRY(Ask());
  }
  return Ask();
}

Result<void> Sealing::WriteChunks() {
  const std::string path = TemporaryPath(request_.index_path);
  cleanup_.Add(path);
  const IndexHeader header{.volume_bytes = volume_.SizeBytes(),
                           .salt = Checksum(std::as_bytes(std::span(request_.layer_id)))};
  TRY_ASSIGN(index_, IndexWriter::Create(fs_, path, header));
  for (uint64_t chunk = 0, walked = 1;; ++chunk, ++walked) {
    TRY_ASSIGN(chunk, volume_.NextData(chunk));
    if (chunk >= chunk_count_) break;
    if (IsChanged(chunk)) {
      TRY(AddChanged(chunk));
    } else {
      TRY(AddUnchanged(chunk));
    }
    if (batch_.Full() || pending_.size() >= kMaxPending) TRY(FlushPending());
    if (walked % kChunksPerQuestion == 0) TRY(Ask());
  }
  return FlushPending();
}

Result<void> Sealing::AddChanged(uint64_t chunk) {
  TRY(volume_.Read(chunk * kChunkSize, batch_.Add()));
  pending_.push_back({.chunk = chunk, .in_batch = true, .location = {}});
  return {};
}

Result<void> Sealing::AddUnchanged(uint64_t chunk) {
  if (parent_ == nullptr) return {};
  TRY_ASSIGN(ChunkLocation location, parent_->Locate(chunk));
  if (location.IsHole()) return {};
  TRY_ASSIGN(location, layers_.Adopt(location));
  pending_.push_back({.chunk = chunk, .in_batch = false, .location = location});
  return {};
}

/// Gives every pending chunk its place, in chunk order, which is the order in which an index is written.
Result<void> Sealing::FlushPending() {
  const std::vector<SealBatch::Stored>& stored = batch_.Compress();
  size_t next = 0;
  for (Pending& entry : pending_) {
    if (entry.in_batch) {
      const SealBatch::Stored& chunk = stored[next++];
      if (chunk.bytes.empty()) continue;
      TRY_ASSIGN(entry.location, layers_.Append(chunk));
    }
    TRY(index_->Add(entry.chunk, entry.location));
  }
  pending_.clear();
  if (batch_.Count() == 0) return {};
  state_.bytes_done += batch_.Count() * kChunkSize;
  batch_.Clear();
  return Ask();
}

/// The layer is durable under its final name before the index is: an index never refers to a layer that a
/// power cut could take away.
Result<SealResult> Sealing::Publish() {
  TRY(layers_.Finish());
  TRY(index_->Finish(layers_.References()));
  TRY(layers_.Publish());
  cleanup_.Add(request_.index_path);
  TRY(fs_.Rename(TemporaryPath(request_.index_path), request_.index_path));
  TRY(fs_.SyncDirectory(DirectoryOf(request_.index_path)));
  cleanup_.Keep();
  SealResult result;
  for (const LayerReference& layer : layers_.References()) result.layer_ids.push_back(layer.id);
  result.data_bytes = index_->DataChunks() * kChunkSize;
  result.new_layer_bytes = layers_.NewLayerBytes();
  return result;
}

}  // namespace

Result<SealResult> Seal(FileSystem& fs, Volume& volume, const SealRequest& request,
                        const std::function<bool(const SealProgress&)>& progress) {
  Sealing sealing(fs, volume, request, progress);
  TRY(sealing.CheckRequest());
  TRY(sealing.CountChanged());
  TRY(sealing.WriteChunks());
  return sealing.Publish();
}

}  // namespace spawnd::storage
