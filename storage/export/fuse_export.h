/// Shows a volume to the kernel as one regular file of a private FUSE file system; a loop device turns the
/// file into a disk (storage/export/loop_device.h).
///
/// Order: Mount, fork whoever uses the file, Serve. Whoever opens the file must be another process than the
/// one that serves it: a process that waits on its own FUSE file cannot be killed, because the wait keeps the
/// last descriptor of the FUSE connection open and the connection never aborts. For the same reason whoever
/// is forked closes its copy of that descriptor, which Mount opened.
///
/// Nothing survives the process: when it ends, the connection aborts and the file answers ENOTCONN.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "storage/volume.h"

struct fuse_session;

namespace spawnd::storage {

class FuseExport {
 public:
  /// Mounts at `mount_point` (an empty folder) a file system with one file named `file_name`. Starts no
  /// thread, so that the caller can still fork. Needs CAP_SYS_ADMIN.
  static Result<std::unique_ptr<FuseExport>> Mount(const std::string& mount_point,
                                                   const std::string& file_name);
  ~FuseExport();

  /// Answers requests from `volume` on `threads` threads (1 to 16) until this object is destroyed.
  Result<void> Serve(Volume& volume, int threads);

  /// From now on writes and discards succeed and are dropped: the volume is about to be deleted, and the
  /// kernel would otherwise write back gigabytes, or log errors, on the way.
  void DropWrites() { drop_writes_ = true; }

  /// Whether the kernel has ever been told that a write or a flush failed. Any thread.
  bool Refused() const { return refused_; }

 private:
  friend struct FuseRequests;
  FuseExport(std::string mount_point, std::string file_name);
  void ServeThread();

  std::string mount_point_;
  std::string file_name_;
  fuse_session* session_ = nullptr;
  Volume* volume_ = nullptr;
  std::atomic<bool> drop_writes_{false};
  std::atomic<bool> refused_{false};
  std::vector<std::thread> threads_;
};

}  // namespace spawnd::storage
