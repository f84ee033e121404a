/// A folder of the caller's own for what is fetched: 0700, below TMPDIR, else /var/tmp (/tmp may be memory).
///
/// It goes with the object. What a SIGKILL or a power cut leaves behind is removed by the next run of the
/// same user: a folder's maker holds a lock on it (flock(2)), and one that nobody holds is nobody's. For
/// spawnctl's single thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::client {

class PrivateFolder {
 public:
  /// None: Path() is empty.
  PrivateFolder() = default;
  PrivateFolder(PrivateFolder&& other) noexcept;
  PrivateFolder& operator=(PrivateFolder&& other) noexcept;
  ~PrivateFolder();

  /// Makes one, and removes what earlier runs left behind. Errors: kNoSpace, kForbidden, kNotFound, kIo,
  /// naming the place and how to name another.
  static Result<PrivateFolder> Make();

  const std::string& Path() const { return path_; }

  /// A file without a name in it, for reading and writing.
  Result<UniqueFd> UnnamedFile() const;
  /// Bytes of all files below a folder, such as one within it; 0 as long as that is not there.
  static int64_t BytesIn(const std::string& absolute_path);

 private:
  PrivateFolder(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  void Remove();

  std::string path_;
  UniqueFd lock_;
};

}  // namespace spawnd::client
