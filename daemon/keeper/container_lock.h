/// "keeper.lock" in a container's directory: who has it may write there. A keeper takes it; its process 1
/// inherits it, and nobody else, because whoever has a lock's descriptor can let go of it for all.
///
/// The lock alone does not say that the engine is gone: the kernel closes process 1's files first and ends
/// the rest of its pid namespace then. So the file names process 1, whose own end the kernel reports only
/// when the whole namespace has ended. Whoever waits for the lock waits for that, too: then the port is free
/// as well.
///
/// Nothing of it survives the processes but the file, which names a process that is no more. Safe from
/// any thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {

class ContainerLock {
 public:
  /// Waits for a predecessor's processes. Errors: kTimeout; kNotFound when there is no directory; kIo.
  static Result<ContainerLock> Take(const std::string& directory, std::chrono::milliseconds patience);
  /// Notes process 1, which has been forked and has done nothing yet.
  void NoteProcess(pid_t pid);
  int Descriptor() const { return fd_.Get(); }

  /// Returns when nobody has it and all processes are gone, or at once when there is no such file. As Take,
  /// but leaves no trace. Errors: kTimeout.
  static Result<void> AwaitRelease(const std::string& directory, std::chrono::milliseconds patience);
  /// Whether a keeper, or a process of its container, is there. Errors: when that cannot be known.
  static Result<bool> IsHeld(const std::string& directory);

 private:
  explicit ContainerLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace spawnd::daemon
