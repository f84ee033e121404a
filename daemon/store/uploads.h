/// What clients have sent to be used by a later request, because they cannot pass descriptors: files without
/// a name (spool_file.h), in memory only. Each can be used once, by its owner, within an hour; a daemon that
/// ends takes all of them with it. Safe from any thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {

/// That one user may have waiting.
inline constexpr size_t kMaxUploads = 100;

class Uploads {
 public:
  explicit Uploads(std::chrono::milliseconds kept = std::chrono::hours(1));
  Uploads(const Uploads&) = delete;
  Uploads& operator=(const Uploads&) = delete;
  ~Uploads();

  /// kForbidden when so many of his wait already.
  Result<void> CheckCount(uid_t owner) const;
  /// The new one's id, which nobody can guess. Errors as CheckCount.
  Result<std::string> Add(uid_t owner, UniqueFd file);
  /// kNotFound, in the same words for one that never was and one that is somebody else's.
  Result<UniqueFd> Take(const std::string& id, uid_t user);
  size_t Count() const;
  /// What they take on the disk.
  int64_t Bytes() const;

 private:
  struct Upload {
    uid_t owner = 0;
    UniqueFd file;
    std::chrono::steady_clock::time_point expires;
  };
  /// Closing a large file takes a while, so that it happens on a thread of its own.
  void DropExpired();
  Result<void> CheckCountLocked(uid_t owner) const;

  const std::chrono::milliseconds kept_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Upload> uploads_;
  bool stopping_ = false;
  std::thread dropping_;  ///< last: it uses the others
};

}  // namespace spawnd::daemon
