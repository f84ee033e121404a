/// The file seam: everything the store writes goes through File and FileSystem, so that a test can record the
/// operations, lose what was not synced, tear a write or fail the n-th call.
///
/// Durability: WriteAt, Truncate and PunchHole promise nothing until Sync returns success. Create, Rename and
/// Remove promise nothing until SyncDirectory of the parent returns success. A failed Sync must not be
/// retried: the kernel may already have dropped the dirty pages (see docs/durability.md).
///
/// A File may be used from several threads at once for ReadAt and for WriteAt to ranges that do not overlap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace spawnd {

class File {
 public:
  File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  virtual ~File() = default;

  /// Fills `out` from byte `offset`; returns the bytes read, less than asked only at the end of the file.
  virtual Result<size_t> ReadAt(uint64_t offset, std::span<std::byte> out) = 0;
  /// Writes all of `data` at `offset`, growing the file as needed.
  virtual Result<void> WriteAt(uint64_t offset, std::span<const std::byte> data) = 0;
  /// Makes all completed writes of this file, and its size, survive power loss.
  virtual Result<void> Sync() = 0;
  virtual Result<void> Truncate(uint64_t size) = 0;
  /// Gives the range back to the host file system; it reads as zeros afterwards. The size stays.
  virtual Result<void> PunchHole(uint64_t offset, uint64_t length) = 0;
  virtual Result<uint64_t> Size() = 0;
};

enum class OpenMode {
  kRead,       ///< must exist
  kReadWrite,  ///< must exist
  kCreate,     ///< read and write; made when missing, kept when there
  kCreateNew,  ///< read and write; an error when it exists
};

class FileSystem {
 public:
  FileSystem() = default;
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;
  virtual ~FileSystem() = default;

  virtual Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) = 0;
  virtual Result<void> Rename(const std::string& from, const std::string& to) = 0;
  /// Removes a file. A missing file is kNotFound.
  virtual Result<void> Remove(const std::string& path) = 0;
  virtual Result<bool> Exists(const std::string& path) = 0;
  /// Makes one directory (0700); one that is there already is no error.
  virtual Result<void> CreateDirectory(const std::string& path) = 0;
  virtual Result<void> RemoveDirectory(const std::string& path) = 0;
  /// Names (not paths) in a directory, sorted, without . and ..; all of them, or an error.
  virtual Result<std::vector<std::string>> List(const std::string& path) = 0;
  virtual Result<void> SyncDirectory(const std::string& path) = 0;
};

/// The real one. Safe from any thread; lives as long as the process.
FileSystem& PosixFileSystem();

/// The names in a folder that was opened for reading, as List gives them, or kInvalidArgument when there are
/// more than `limit`. `what` names it in messages: "scripts folder '/x/y'".
Result<std::vector<std::string>> NamesInFolder(int folder_fd, const std::string& what, size_t limit);

/// ReadAt that treats a short read as kCorrupt ("'<name>' is truncated").
Result<void> ReadExactly(File& file, uint64_t offset, std::span<std::byte> out, std::string_view name);

/// Writes zeros over a range, which then has its blocks in the file. After an error some may be written.
Result<void> WriteZeros(File& file, uint64_t offset, uint64_t length);

/// What a small file says, as far as it can be read: nothing when it is not there, or its reading fails, as
/// it does in /proc when a process ends meanwhile. (An ifstream's iterators throw then.)
std::string TextOfFile(const std::string& path);

/// The directory part of a path; "." when there is none.
std::string DirectoryOf(const std::string& path);

}  // namespace spawnd
