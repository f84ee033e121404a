/// A fixed list of operations on a small volume, what each did, and the judge of what a volume shows after a
/// crash. Not thread-safe.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "storage/volume.h"
#include "tests/support/memory_image.h"
#include "tests/support/recording_file_system.h"
#include "tests/support/stamped_block.h"

namespace spawnd::testing {

inline constexpr uint32_t kCrashBlocks = 96;
inline constexpr uint64_t kCrashVolumeBytes = uint64_t{kCrashBlocks} * storage::kBlockSize;

struct Step {
  enum class Kind {
    kOpen,  ///< the process dies (if there is one) and the next one opens the volume, in the same boot
    kWrite,
    kDiscard,
    kFlush,
    kCommit,
    kSave,    ///< the volume as it is becomes the next revision
    kRevert,  ///< the process dies; the closed volume goes back to revision `stamp` modulo one more than
              ///< there are
  };
  Kind kind = Kind::kWrite;
  uint32_t block = 0;
  uint32_t count = 0;
  uint64_t stamp = 0;
};

/// A step that was tried: between which lengths of the log, and whether it succeeded.
struct TriedStep {
  Step step;
  size_t log_begin = 0;
  size_t log_end = 0;
  bool succeeded = false;
  uint32_t revision = 0;  ///< saved, or gone back to; 0: the image
};

/// Random steps from a fixed seed: writes, discards, flushes, commits, with `opens` opens spread over them.
/// No flush and no commit stands before the second open when `late_commit` is set.
std::vector<Step> MakeSteps(uint32_t seed, size_t length, size_t opens, bool late_commit);
/// The same, and revisions are saved and gone back to.
std::vector<Step> MakeStepsWithRevisions(uint32_t seed, size_t length, size_t opens, bool late_commit);

/// A log: written forward and flushed after each write, which begins with the block that the last one ended
/// with; between them writes and discards of others around its end. Its place is zeroed first, as servers do.
std::vector<Step> MakeLogSteps(uint32_t seed, size_t length, size_t opens, bool late_commit);

/// Every fourth chunk has data, with stamp 1.
std::shared_ptr<MemoryImage> MakeCrashImage();

/// Per block, per sector: what a volume shows.
using Shown = std::vector<std::array<uint64_t, kSectorsPerBlock>>;

class CrashRun {
 public:
  CrashRun(storage::Durability durability, bool with_image);

  Result<std::unique_ptr<storage::Volume>> OpenIn(RecordingFileSystem& fs, const std::string& boot_id);
  /// Runs the steps until the end or until an open fails. `before` is told of each step that begins.
  void Run(RecordingFileSystem& fs, const std::vector<Step>& steps);

  /// Each of these returns what is wrong, or nothing.
  std::string JudgePowerCut(size_t operations, const Shown& shown) const;
  std::string JudgeProcessDeath(size_t operations, const Shown& shown) const;
  /// Reads every revision of the volume that `fs` holds: each that a save had returned must be there, and
  /// each that is there must show what the volume showed when it was saved.
  std::string JudgeRevisions(RecordingFileSystem& fs, storage::Volume& volume, size_t operations) const;
  static Result<Shown> ReadAll(storage::Volume& volume);
  /// Writes to every other block of a recovered volume and looks whether the ones between change.
  static std::string TryOut(storage::Volume& volume, const Shown& before);

  const std::vector<TriedStep>& Tried() const { return tried_; }
  storage::Volume* LiveVolume() { return volume_.get(); }
  /// Which step is under way: tells recovery's syncs from the others.
  Step::Kind Doing() const { return doing_; }
  /// The last open failed, or a sync did: what the page cache holds is not to be trusted.
  bool Broken() const { return broken_; }

 private:
  using Blocks = std::vector<std::set<uint64_t>>;  // per block, which writes a sector may show
  struct Allowed {
    Blocks blocks;
    std::map<uint32_t, Blocks> revisions{};
  };

  Result<void> Do(RecordingFileSystem& fs, TriedStep& tried);
  storage::VolumeOptions OptionsFor(const std::string& boot_id) const;
  Blocks Image() const;
  Allowed Initial() const { return {.blocks = Image()}; }
  void Add(Allowed& allowed, const TriedStep& tried, bool surely) const;
  void AddRevert(Allowed& allowed, const TriedStep& tried, bool surely) const;
  std::string JudgeEverySecond(size_t operations, const Shown& shown) const;
  std::string JudgeAlways(size_t operations, const Shown& shown) const;
  static std::string Compare(const Blocks& allowed, const Shown& shown);
  /// Index of the last step that promised durability before the crash; -1 when there is none.
  int LastPromise(size_t operations) const;
  bool Promises(const TriedStep& tried) const;

  storage::Durability durability_;
  std::shared_ptr<MemoryImage> image_;
  std::unique_ptr<storage::Volume> volume_;
  std::vector<TriedStep> tried_;
  Step::Kind doing_ = Step::Kind::kWrite;
  bool broken_ = false;
};

}  // namespace spawnd::testing
