/// What a volume has written: slots in the file "data", the block map in memory, the journal of its changes.
///
/// The rules, with their reasons, are in docs/durability.md. In short: an operation writes its data first,
/// then appends one journal record and changes the map under one lock, so the journal's order is the map's. A
/// slot is overwritten in place only when no durable state can need its old bytes; else the block moves to a
/// new slot, and the old one is free once the epoch that freed it is committed.
///
/// Thread-safe. Reads, writes and discards run at once from any number of threads; commits are shared between
/// the threads that ask for one. After Open nothing on the way of an operation calls an allocator, except to
/// make an error's text: the kernel pages in the map, buffers are on the stack (at most 10 KiB) or allocated
/// by Open, and a commit that rewrites the journal (once for each doubling) allocates one record and one
/// 64 KiB read buffer before it stops anybody.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "storage/delta/block_map.h"
#include "storage/delta/commit_rounds.h"
#include "storage/delta/epoch_gate.h"
#include "storage/delta/map_journal.h"
#include "storage/delta/sequential_writes.h"
#include "storage/delta/slot_allocator.h"
#include "storage/geometry.h"
#include "storage/volume_values.h"

namespace spawnd::storage {

/// What lies under a delta, in blocks. Thread-safe.
class Below {
 public:
  virtual ~Below() = default;
  /// Fills `out` (whole blocks) from `block` on.
  virtual Result<void> Read(uint32_t block, std::span<std::byte> out) = 0;
  /// First block >= `block` that may hold anything but zeros; the number of blocks when there is none.
  virtual Result<uint32_t> NextData(uint32_t block) = 0;
};

struct DeltaOptions {
  std::string directory;
  uint32_t blocks = 0;
  Durability durability = Durability::kEverySecond;
  uint64_t image_identity = 0;
  std::string boot_id;
  uint64_t journal_compaction_bytes = 0;
};

class Delta {
 public:
  /// Opens the delta in a directory, recovering it, or starts one there. `below` outlives it. Errors:
  /// kCorrupt, kIo, kNoSpace, kUnsupported, kInvalidArgument (another size or image than it was made for),
  /// kPoisoned (a sync failed; what the last process wrote may be lost).
  static Result<std::unique_ptr<Delta>> Open(FileSystem& fs, DeltaOptions options, Below& below);

  Result<void> Read(uint32_t block, std::span<std::byte> out);
  Result<void> Write(uint32_t block, std::span<const std::byte> data);
  /// The blocks read as zeros afterwards.
  Result<void> Discard(uint32_t block, uint64_t count);
  /// Makes all that completed before the call durable, as one consistent cut. Errors: kNoSpace when the
  /// journal has no room for the commit record (the next commit covers this one's epoch as well), else
  /// kPoisoned.
  Result<void> Commit();
  /// As Commit, and the volume as it is at that cut stays: it is revision `number` (delta_revision.cc),
  /// durable when this returns. Numbers grow. Errors: kAlreadyExists, kNoSpace (nothing happened), kPoisoned.
  Result<RevisionUsage> SaveRevision(uint32_t number);
  std::vector<RevisionUsage> Revisions();
  /// kPoisoned once the volume is.
  Result<void> CheckHealthy();

  /// How many of `count` blocks from `block` are in a slot, and how many are zeros laid over the image.
  struct Blocks {
    uint32_t in_slots = 0;
    uint32_t zeroed = 0;
  };
  Blocks Count(uint32_t block, uint32_t count);
  /// First block >= `block` that the delta says anything about; the number of blocks when there is none.
  uint32_t NextEntry(uint32_t block);
  VolumeUsage Usage();

 private:
  /// Blocks handled in one step: bounds the stack and the time the lock is held.
  static constexpr uint32_t kBlocksPerPiece = 256;
  static constexpr uint32_t kBlocksPerDiscard = 512;
  /// Free slots at the end of the file, written with zeros (WriteAhead).
  static constexpr uint32_t kMaxKeptReady = 256;
  /// The tag that recovery gives to slots of revisions; all others get later ones.
  static constexpr Epoch kRevisionTag = 1;
  Epoch FirstEpoch() const { return revisions_.empty() ? 1 : kRevisionTag + 1; }
  struct WritePlan;
  struct DiscardPlan;
  struct RevisionCut;

  Delta(FileSystem& fs, DeltaOptions options, Below& below);

  // delta_recovery.cc: opening.
  Result<void> Load();
  Result<void> MakeTables();
  Result<void> StartFresh();
  Result<void> Recover(File& journal, const JournalHeader& header, const std::string& path);
  Result<void> CheckHeader(const JournalHeader& header, const std::string& path) const;
  Result<void> Replay(File& journal, const JournalHeader& header, Epoch last, const std::string& path);
  Result<void> AdoptSlots(bool renumber, const std::string& path);
  Result<void> CheckDataFile();
  Result<void> PublishRecovered(Epoch epoch, bool was_published);
  Result<void> RemoveIfThere(const char* name);

  // delta.cc: operations.
  Result<void> ReadPiece(uint32_t block, std::span<std::byte> out);
  Result<void> WritePiece(Epoch epoch, uint32_t block, std::span<const std::byte> data);
  Result<void> PlanWrite(Epoch epoch, WritePlan& plan);
  Result<void> WriteSlots(const WritePlan& plan, std::span<const std::byte> data);
  Result<void> RecordWrite(Epoch epoch, WritePlan& plan);
  void ReleaseFresh(WritePlan& plan);
  void NoteSequence(Epoch epoch, WritePlan& plan);
  void PrepareAhead(Epoch epoch, WritePlan& plan);
  void ReleaseAhead(WritePlan& plan, uint32_t kept);
  Result<void> FindData(DiscardPlan& plan);
  Result<void> RecordDiscard(Epoch epoch, const DiscardPlan& plan);
  /// Appends one record and changes the map. Holds mutex_.
  Result<void> ChangeMap(Epoch epoch, std::span<const MapRun> runs);
  void SetBlocks(const MapRun& run);

  // delta_revision.cc.
  Result<void> FindRevisions();
  Result<void> AdoptRevisions();
  void CutForRevision(Epoch epoch, RevisionCut& cut);
  Result<void> PublishRevision(MapJournal& file, Epoch epoch, uint32_t number);

  // delta_commit.cc.
  Result<void> CommitRound(RevisionCut* cut);
  Result<void> AppendCommit(Epoch epoch);
  Result<void> SyncData();
  Result<void> PublishJournal();
  /// After a commit of `epoch` that failed without harm: the next one covers it.
  void CarryOver(Epoch epoch);
  void FinishCommit(Epoch epoch);
  std::unique_ptr<MapJournal> CutWithSnapshot(Epoch epoch, uint64_t& position, uint64_t& sequence);
  Result<void> SwitchJournal(std::unique_ptr<MapJournal> compacted, Epoch epoch, uint64_t position,
                             uint64_t sequence);
  Result<void> CopyRecords(MapJournalReader& reader, MapJournal& to);
  Result<std::unique_ptr<MapJournal>> StartTemporaryJournal();
  /// Writes the whole map. No operation is inside the gate. Returns how many of its slots no revision holds.
  Result<uint64_t> FillSnapshot(MapJournal& journal, Epoch epoch);
  void GiveSpaceBack();
  void WriteAhead();
  tl::unexpected<Error> Poison(const Error& cause);
  /// kPoisoned. The only place that concludes it, and only for a sync: whoever calls Delta takes the code as
  /// it is.
  tl::unexpected<Error> Poisoned(const std::string& cause) const;

  std::string PathOf(const char* name) const { return options_.directory + "/" + name; }
  JournalHeader NewHeader() const;

  FileSystem& fs_;
  const DeltaOptions options_;
  Below& below_;
  std::unique_ptr<File> data_;
  EpochGate gate_{1};

  /// Guards everything down to committed_; held for look-ups, journal appends and map changes, never during
  /// reads or writes of data, nor during a sync.
  std::mutex mutex_;
  BlockMap map_;
  SlotAllocator slots_;
  SequentialWrites sequences_;
  std::unique_ptr<MapJournal> journal_;    // replaced only by the thread that commits
  std::array<WaitingSlots, 2> waiting_{};  // by parity of the epoch whose commit frees them
  std::array<uint64_t, 2> changes_{};      // records of an epoch not committed yet, by parity
  Epoch committed_ = 0;
  Epoch kept_ = 0;                        // mapped slots of this epoch and before belong to a revision
  Epoch pinned_ = 0;                      // or to one that is being saved; never less than kept_
  WaitingSlots undecided_{};              // replaced slots that the revision being saved will hold, or not
  std::vector<RevisionUsage> revisions_;  // by number

  /// Written data that no sync covers yet and no record announces: overwriting in place.
  std::atomic<bool> data_dirty_{false};

  // Only the thread that commits (and Open) touches these.
  bool published_ = false;  // the journal has its final name
  uint64_t compact_above_ = 0;
  bool punching_ = true;
  uint32_t end_at_last_commit_ = 0;  // of slots_
  std::array<MapRun, kMaxRunsPerRecord> snapshot_runs_{};

  std::mutex save_mutex_;  // one revision at a time

  CommitRounds rounds_;  // writes and discards are its operations

  std::atomic<bool> poisoned_{false};
  std::mutex poison_mutex_;
  std::string poison_cause_;
};

}  // namespace spawnd::storage
