/// What a backup was when it was opened, to see afterwards whether it stayed that while it was read: size and
/// time of change of the file, or of each file in the folder. Job thread.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "daemon/access/folder_access.h"

namespace spawnd::daemon {

class BackupState {
 public:
  /// Files of a folder beyond so many are not looked at.
  static constexpr size_t kMostFiles = 500'000;

  /// `fd`: of the file, or of the folder.
  static Result<BackupState> Of(const FileRights& rights, int fd, bool is_folder);

  /// Bytes that it has, of a folder all files together.
  uint64_t Bytes() const { return bytes_; }
  /// The same without holes, which take no room anywhere.
  uint64_t WrittenBytes() const { return written_bytes_; }
  /// kInvalidArgument, naming the file, when it is not what it was. What has come to a folder meanwhile does
  /// not count: it may have nothing to do with the backup. `name`: as the user wrote it.
  Result<void> CheckUnchanged(const FileRights& rights, int fd, const std::string& name) const;

 private:
  /// The time of change of its bytes alone: links to it, and rights, may change.
  struct Stamp {
    explicit Stamp(const struct stat& st)
        : bytes(st.st_size), seconds(st.st_mtim.tv_sec), nanoseconds(st.st_mtim.tv_nsec) {}
    bool operator==(const Stamp&) const = default;
    int64_t bytes;
    int64_t seconds;
    int64_t nanoseconds;
  };

  explicit BackupState(bool is_folder) : is_folder_(is_folder) {}
  void Add(const std::string& path, const struct stat& st);

  bool is_folder_;
  uint64_t bytes_ = 0;
  uint64_t written_bytes_ = 0;
  std::unordered_map<uint64_t, Stamp> files_;  ///< by a hash of their path
};

}  // namespace spawnd::daemon
