/// Append-only log of block-map changes of one delta, and its reader.
///
/// Append orders a record after every earlier one and puts it into the host's page cache: it survives the
/// death of this process. Sync returns once all appended records survive power loss. The caller has written
/// the blocks that a record maps before appending it, and synced them before appending a commit (invariant
/// 1).
///
/// Not thread-safe: its Delta owns it and holds the lock; only Sync may run beside Append. The buffer for one
/// record is allocated at the start, so appending allocates nothing.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "storage/delta/map_journal_format.h"

namespace spawnd::storage {

/// At most so many zeros stand behind the last record of a journal that keeps room ahead.
inline constexpr uint64_t kRoomAhead = 64 * 1024;

class MapJournal {
 public:
  /// Starts a new file; kAlreadyExists when there is one. Nothing is durable until Sync, and the name not
  /// until the directory is synced.
  static Result<std::unique_ptr<MapJournal>> Create(FileSystem& fs, const std::string& path,
                                                    const JournalHeader& header);

  /// At most kMaxRunsPerRecord runs, in one record. After an error nothing was appended (see IsBroken).
  Result<void> AppendRuns(Epoch epoch, std::span<const MapRun> runs);
  Result<void> AppendCommit(Epoch epoch);
  /// From now on records go where zeros were written before, up to kRoomAhead of them, so that syncing them
  /// changes nothing of the file but its bytes: neither its size nor where its blocks are. For a journal that
  /// is synced many times a second. A disk that has no room for zeros costs that time, nothing else.
  void KeepRoomAhead() { keeps_room_ = true; }
  /// After an error the file must not be used again (invariant 8).
  Result<void> Sync() { return file_->Sync(); }

  /// Withdraws this boot's trust from the records after the last commit: whatever opens the journal next goes
  /// back to that commit. For a volume that was poisoned, whose last data may be lost.
  Result<void> Distrust();

  /// True once a failed append could not be taken back: what the file now ends with is unknown.
  bool IsBroken() const { return broken_; }
  uint64_t Bytes() const { return tail_; }
  /// Sequence of the next record.
  uint64_t NextSequence() const { return next_sequence_; }
  const JournalHeader& Header() const { return header_; }
  File& Underlying() { return *file_; }

 private:
  MapJournal(std::unique_ptr<File> file, JournalHeader header);
  Result<void> Append(RecordType type, Epoch epoch, std::span<const MapRun> runs);
  void MakeRoom(size_t length);

  std::unique_ptr<File> file_;
  JournalHeader header_;
  std::vector<std::byte> record_;
  uint64_t tail_ = kJournalHeaderBytes;
  uint64_t next_sequence_ = 1;
  uint64_t written_to_ = 0;  ///< with records or zeros; counts only while keeps_room_
  bool keeps_room_ = false;
  bool broken_ = false;
};

/// Reads records in order and stops for good at the first one that is not right in magic, length, sequence
/// and checksum (invariant 3).
class MapJournalReader {
 public:
  struct Record {
    RecordType type = RecordType::kRuns;
    Epoch epoch = 0;
    std::span<const std::byte> payload;  ///< valid until the next call

    size_t RunCount() const { return payload.size() / kMapRunBytes; }
    MapRun Run(size_t index) const { return DecodeRun(payload, index); }
  };

  /// Starts at byte `position` of `file`, where the record `sequence` is expected.
  MapJournalReader(File& file, uint64_t salt, uint64_t position = kJournalHeaderBytes, uint64_t sequence = 1);

  /// The next record; nothing at the end. Errors: kIo, never kCorrupt.
  Result<std::optional<Record>> Next();
  /// Byte after the last record returned.
  uint64_t Position() const { return position_; }

 private:
  /// Makes at least `wanted` bytes from position_ available, as far as the file goes.
  Result<std::span<const std::byte>> Peek(size_t wanted);

  File& file_;
  uint64_t salt_;
  uint64_t position_;
  uint64_t sequence_;
  std::vector<std::byte> buffer_;
  uint64_t buffer_start_ = 0;
  size_t buffer_bytes_ = 0;
};

/// What MapJournal::Distrust does, for a journal that is not being appended to.
Result<void> WriteDistrustedHeader(File& file, JournalHeader header);

/// Reads and checks the header. A file shorter than a header is kCorrupt.
Result<JournalHeader> ReadJournalHeader(File& file, const std::string& path);

}  // namespace spawnd::storage
