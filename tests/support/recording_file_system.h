/// A file system in memory that writes down every operation, so that a test can ask what a disk would hold
/// had the power failed after any of them.
///
/// The model of a crash is harsher than any one file system: an operation on a file's bytes is certain only
/// after a sync of that file, a change of a directory only after a sync of that directory, and of the rest
/// any subset may have happened, a write also in part, by sectors of 512 bytes, or as a file that grew by
/// zeros.
///
/// Thread-safe. A RecordingFileSystem outlives its files.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"

namespace spawnd::testing {

struct LoggedOperation {
  enum class Kind {
    kCreate,
    kWrite,
    kTruncate,
    kPunch,
    kSync,
    kFailedSync,
    kRename,
    kRemove,
    kMakeDirectory,
    kRemoveDirectory,
    kSyncDirectory,
  };
  Kind kind = Kind::kWrite;
  int inode = 0;           ///< of the file, or the one that is created, renamed or removed
  std::string path{};      ///< of name operations and directory syncs
  std::string new_path{};  ///< of a rename
  uint64_t offset = 0;     ///< of a write or punch; new size of a truncate
  uint64_t length = 0;     ///< of a punch
  std::vector<std::byte> data{};
  /// Of a sync: it makes certain what stands before this place in the log, which is where it began. Writes
  /// that came while it was under way are not covered, as on a real disk.
  size_t covers = 0;
  int64_t at_ns = 0;  ///< CLOCK_MONOTONIC; never goes back from one operation to the next
};

/// What became of an operation that no sync covers.
enum class Fate {
  kKept,
  kDropped,
  kTorn,   ///< some sectors of a write; for other operations as kKept
  kZeros,  ///< the file grew, the bytes did not come; for other operations as kDropped
};

class RecordingFileSystem final : public FileSystem {
 public:
  RecordingFileSystem();

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  Result<void> Rename(const std::string& from, const std::string& to) override;
  Result<void> Remove(const std::string& path) override;
  Result<bool> Exists(const std::string& path) override;
  Result<void> CreateDirectory(const std::string& path) override;
  Result<void> RemoveDirectory(const std::string& path) override;
  Result<std::vector<std::string>> List(const std::string& path) override;
  Result<void> SyncDirectory(const std::string& path) override;

  size_t LogSize() const;
  LoggedOperation LogEntry(size_t index) const;

  /// The disk after a power cut when the first `operations` of the log had been called.
  std::unique_ptr<RecordingFileSystem> AfterPowerCut(
      size_t operations, const std::function<Fate(size_t index, const LoggedOperation&)>& fate) const;
  /// What the next process of the same boot finds. With `failed_syncs_lose`, what a failed sync did not write
  /// is gone from the page cache, as Linux does it.
  std::unique_ptr<RecordingFileSystem> AfterProcessDeath(size_t operations, bool failed_syncs_lose) const;

  /// Lets calls number `first` (from 1) to `first` + `count` - 1 fail with `code`. A failed write leaves
  /// `written_eighths` of its bytes behind. kNoSpace hits only calls that need space: writes and new files.
  void FailCalls(uint64_t first, uint64_t count, ErrorCode code, int written_eighths);
  uint64_t Calls() const;
  bool FaultHappened() const;

  /// Every sync whose path (the present name of the file, or the directory) the predicate picks does nothing
  /// and says that it succeeded.
  void LoseSyncs(std::function<bool(const std::string& path)> predicate);

  /// Lets every sync of a file take a while before it does its work, as a disk does, so that other threads
  /// get to run meanwhile. Before the first operation.
  void SlowSyncs(std::chrono::microseconds delay) { sync_delay_ = delay; }

  /// Called with the bytes of each write before it happens, by the thread that writes: lets a test do
  /// something at just that moment. Before the first operation.
  void BeforeWrites(std::function<void(std::span<const std::byte>)> call) { before_write_ = std::move(call); }

 private:
  friend class RecordingFile;

  struct State {
    std::map<std::string, int> names{};
    std::set<std::string> directories{};
    std::map<int, std::vector<std::byte>> contents{};
  };

  explicit RecordingFileSystem(State state);
  void Log(LoggedOperation operation);
  /// Counts a call; the error when it is to fail.
  std::optional<Error> Fault(const char* what, bool needs_space);
  bool SyncIsLost(const std::string& path) const;
  std::string NameOf(int inode) const;
  std::vector<bool> CoveredBySync(size_t operations) const;
  static void Apply(State& state, const LoggedOperation& operation, Fate fate, size_t index);
  static void ApplyWrite(std::vector<std::byte>& bytes, const LoggedOperation& operation, Fate fate,
                         size_t index);

  mutable std::mutex mutex_;
  State start_;
  State now_;
  std::vector<LoggedOperation> log_;
  int next_inode_ = 1;
  uint64_t calls_ = 0;
  uint64_t fail_first_ = 0;
  uint64_t fail_count_ = 0;
  ErrorCode fail_code_ = ErrorCode::kIo;
  int fail_written_eighths_ = 0;
  bool fault_happened_ = false;
  std::chrono::microseconds sync_delay_{0};
  std::function<void(std::span<const std::byte>)> before_write_;
  std::function<bool(const std::string&)> lose_sync_;
};

}  // namespace spawnd::testing
