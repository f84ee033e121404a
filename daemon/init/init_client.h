/// Process 1 of a container's pid namespace. It does what could wait on the volume (attach, format, mount,
/// unmount) and is the parent of the engine; the keeper, which serves the volume, orders it about over a
/// socket pair.
///
/// Why it is a process of its own: the keeper must never wait on its own volume, or kill -9 of it would hang
/// (see storage/export/fuse_export.h). And when process 1 ends, the kernel kills everything in its pid
/// namespace and takes its mounts down; it ends when the keeper does, for whatever reason.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/init/init_process.h"
#include "daemon/init/program_order.h"

namespace spawnd::daemon {

/// The keeper's end. Used by the keeper's main thread only.
class ContainerInit {
 public:
  /// Forks process 1 with new pid, mount and ipc namespaces. The caller is single-threaded. Process 1 keeps
  /// only the descriptors that the plan names. A copy of any other would hide the keeper's end from the
  /// daemon (the control socket) or from the kernel (FUSE).
  static Result<std::unique_ptr<ContainerInit>> Fork(const InitPlan& plan);
  ~ContainerInit();

  /// Carries out one order and waits for its end. kTimeout leaves process 1 unusable: end it with Kill.
  Result<InitTimings> Do(InitOrder order, std::chrono::milliseconds deadline);

  /// While the volume is mounted.
  Result<VolumeRoom> MeasureVolume(std::chrono::milliseconds deadline);

  /// Has the engine stop cleanly, and everything that is left killed. `patience`: how long it may take to,
  /// after which it is killed as well and this is kTimeout. `deadline` as for Do.
  Result<void> StopEngine(std::chrono::milliseconds patience, std::chrono::milliseconds deadline);

  /// Has a program started inside the container, and does not wait for its end: that is said on the leash.
  /// What may keep it from starting is said there, too. The descriptors are closed when this returns.
  Result<void> RunProgram(ProgramOrder order, ProgramDescriptors descriptors,
                          std::chrono::milliseconds deadline);

  /// Starts the process of the session with the server, in place of an earlier one; returns this end of its
  /// socket. `network` (-1: the container's own): the namespace that it connects from.
  Result<UniqueFd> StartSession(int network, std::chrono::milliseconds deadline);

  pid_t Pid() const { return pid_; }
  /// Who the engine runs as: the plan's user, or the volume's owner where its files cannot be shown as
  /// another's. Known once the volume is mounted.
  storage::Owner EngineUser() const { return engine_user_; }
  /// Readable when the engine or process 1 itself ended.
  int EventFd() const { return socket_.Get(); }
  /// The engine's wait status once it has ended (by itself, or after kStopEngine); -1 when process 1 is gone.
  /// Does not block.
  std::optional<int> EngineExit();
  /// SIGKILL to process 1, and waits for it: all processes of the container are gone then.
  void Kill();

 private:
  ContainerInit(pid_t pid, UniqueFd socket) : pid_(pid), socket_(std::move(socket)) {}
  Result<InitTimings> Await(std::chrono::milliseconds deadline);
  /// Reads one message, waiting at most `wait`; false on time-out. A closed socket counts as engine exit -1.
  bool Receive(InitMessage& message, std::chrono::milliseconds wait);

  pid_t pid_ = -1;
  UniqueFd socket_;
  std::optional<int> engine_exit_;
  storage::Owner engine_user_;
  VolumeRoom room_;  ///< as last measured
};

}  // namespace spawnd::daemon
