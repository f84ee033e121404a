/// The virtual disk of one container: an optional image below, a delta above, and perhaps revisions between.
///
/// Thread-safe: Read, Write, Discard and Flush may run at once from any number of threads. Two writes to the
/// same block at the same time leave one of the two, as on a disk.
///
/// What survives what (docs/durability.md): a completed Write survives the death of this process. Power loss
/// takes the volume back to the last commit: with kAlways that is the last Flush that returned, with
/// kEverySecond the last CommitEpoch. Once any sync failed the volume is poisoned (invariant 8): every call
/// answers kPoisoned from then on, except the look-ups that cannot fail.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "storage/geometry.h"
#include "storage/image/image.h"
#include "storage/volume_values.h"

namespace spawnd::storage {

struct VolumeOptions {
  std::string directory;      ///< holds the delta: files "data" and "journal"; made when missing
  uint64_t volume_bytes = 0;  ///< multiple of kChunkSize; must equal the image's when there is one
  Durability durability = Durability::kEverySecond;
  std::shared_ptr<Image> image;  ///< null: an empty (all zero) volume
  /// Identity of this boot of the host; empty: read from /proc/sys/kernel/random/boot_id. Journal records
  /// after the last commit are trusted only when they were written under the same one.
  std::string boot_id;
  /// The journal is rewritten once it is longer than this and than twice what it was after the last time.
  uint64_t journal_compaction_bytes = 1 << 20;
  /// Not empty: the volume does not lie on the image itself but on the first of these, whose own volume lies
  /// on the second, and so on down to the image (docs/adr/0012-a-spare-has-a-volume-of-its-own.md). The other
  /// volumes may be open meanwhile, in other processes too; they are only read.
  std::vector<RevisionReference> revisions{};
};

class Volume {
 public:
  /// Opens the volume, recovering its delta when there is one. Errors: kCorrupt, kIo, kPoisoned, kNoSpace,
  /// kInvalidArgument (size differs from the image's or from the delta's).
  static Result<std::unique_ptr<Volume>> Open(FileSystem& fs, VolumeOptions options);
  virtual ~Volume() = default;

  virtual uint64_t SizeBytes() const = 0;
  virtual Result<void> Read(uint64_t offset, std::span<std::byte> out) = 0;
  virtual Result<void> Write(uint64_t offset, std::span<const std::byte> data) = 0;
  /// The range reads as zeros afterwards and its slots are freed once that is durable.
  virtual Result<void> Discard(uint64_t offset, uint64_t length) = 0;
  virtual Result<void> Flush() = 0;
  /// For a thread that has acknowledged a write and has nothing else to do. With kAlways, when writes and
  /// flushes come in turns as a database's commits do, it begins at once, in this thread, what the next Flush
  /// will ask for; that one then waits for the rest of it only. A failure is left for that Flush to meet.
  virtual void AnticipateFlush() {}
  /// Makes everything completed so far durable as one consistent cut. Cheap when nothing was written since
  /// the last.
  virtual Result<void> CommitEpoch() = 0;
  /// As CommitEpoch, and the state at that cut stays, whatever is written later: it is revision `number` from
  /// then on (above 0, and above those that are there), durable when this returns. Writers are held up for as
  /// long as writing down the map takes, not for a sync. Errors: kAlreadyExists, kNoSpace (nothing happened),
  /// kPoisoned.
  virtual Result<RevisionUsage> SaveRevision(uint32_t number) = 0;
  virtual std::vector<RevisionUsage> Revisions() = 0;  ///< by number
  /// First chunk >= `chunk` with delta or image data in it; SizeBytes()/kChunkSize when there is none.
  virtual Result<uint64_t> NextData(uint64_t chunk) = 0;
  /// True when neither the delta nor a revision below it holds a block of the chunk, so that its bytes are
  /// the image's, unchanged.
  virtual bool ChunkIsFromImage(uint64_t chunk) = 0;
  virtual std::shared_ptr<Image> BaseImage() const = 0;
  virtual VolumeUsage Usage() = 0;
  /// kPoisoned, with the cause, once a sync of the volume has failed.
  virtual Result<void> CheckHealthy() = 0;
};

/// Takes a volume that nobody has open back to one of its revisions, or without one to the state of its
/// what it lies on. `options` as for Open; of them the directory, the size, the image and the revisions below
/// count. Takes milliseconds, is durable when it returns, and after a crash or twice in a row has the same
/// result. Revisions stay. Errors: kNotFound (naming what there is), kCorrupt (naming the damaged revision),
/// kInvalidArgument, kNoSpace, kIo.
Result<void> RevertDelta(FileSystem& fs, const VolumeOptions& options, std::optional<uint32_t> revision);

}  // namespace spawnd::storage
