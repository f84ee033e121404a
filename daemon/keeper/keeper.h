/// One container: its volume, its process 1 and, through that, its engine. What KeeperMain's loop drives.
///
/// Main thread only, but for the threads of its members (committer, engine log, FUSE). Survives the daemon.
/// When this process dies the kernel takes the namespaces down with it; the delta on disk is then as
/// described in docs/durability.md.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "daemon/door/passage.h"
#include "daemon/init/init_client.h"
#include "daemon/init/listening_port.h"
#include "daemon/init/primary_link.h"
#include "daemon/keeper/committer.h"
#include "daemon/keeper/container_lock.h"
#include "daemon/keeper/engine_log.h"
#include "daemon/keeper/protocol.h"
#include "daemon/keeper/stop_signal.h"
#include "daemon/session/client.h"
#include "engines/engine.h"
#include "storage/export/fuse_export.h"
#include "storage/volume.h"

namespace spawnd::daemon {

/// The engine while it starts.
struct EngineStart {
  using Time = std::chrono::steady_clock::time_point;
  Time since{};
  std::optional<Time> end{};  ///< none: as long as it shows life
  bool said_ready = false;
  Time next_probe{};
  Time next_look{};  ///< for life
  Time seen_alive{};
  uint64_t printed = 0;      ///< by then
  int64_t microseconds = 0;  ///< of processor time, by then
};

class Keeper {
 public:
  /// `stop` outlives it.
  explicit Keeper(StopSignal& stop) : stop_(stop) {}
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  /// Volume and mounts; then, unless the spec says hold_engine, what StartEngine does. After an error the
  /// caller ends the process. Forks, so it is called before this process has any thread. `engine_tree`: a
  /// copy of the installation's mount (daemon/init/mounts.h), which the daemon made. `door`: its descriptors;
  /// none, where the machine has no doors.
  Result<void> Start(const KeeperRequest& request, UniqueFd engine_tree, UniqueFd control_group,
                     std::vector<UniqueFd> door = {});
  /// Starts the engine and does not wait for it: from here on it is Starting. `deadline` 0: however long it
  /// takes, as long as it shows life.
  Result<void> StartEngine(std::chrono::seconds deadline);
  bool Starting() const { return start_.has_value(); }
  /// One look at the engine that starts; prepares it as soon as it answers. False: not yet. After true the
  /// first query would succeed. Errors: what it ended of, kTimeout.
  Result<bool> CheckStart();
  /// How often CheckStart is worth its while.
  std::chrono::microseconds StartCheck() const;
  /// The last line of the engine's log.
  std::string LastLine();
  /// Before StartEngine: a program in the container, with `input` as its standard input.
  Result<CommandOutcome> RunCommand(const engines::Command& command, UniqueFd input);
  /// Has a restore tool started in the container and does not wait for it: who ordered it holds its leash.
  Result<void> StartTool(ProgramOrder order, ProgramDescriptors descriptors);
  KeeperReply Status();
  /// New clients are let in to this engine. kUnavailable: it is not ready.
  Result<void> OpenGate();
  /// They wait at the door, if they came to this engine until now. Returns once those who came before are in,
  /// but soon in any case.
  void ShutGate();
  /// None: there is no door.
  const Door* TheDoor() const { return passage_ ? &passage_->TheDoor() : nullptr; }
  /// What it was started with.
  const KeeperSpec& Spec() const { return spec_; }
  Result<void> CreateDatabase(const std::string& database);
  Result<std::vector<std::string>> UserDatabases();
  Result<std::vector<std::string>> UsedLibraries() {
    if (!session_) return Fail(ErrorCode::kUnavailable, "the engine is not running");
    return session_->UsedLibraries();
  }
  Result<std::vector<int64_t>> Mask(const std::vector<engines::MaskRule>& rules) {
    if (!session_) return Fail(ErrorCode::kUnavailable, "the engine is not running");
    masked_ = true;
    return session_->Mask(rules);
  }
  Result<std::string> KeepsAwake() {
    if (!session_) return Fail(ErrorCode::kUnavailable, "the engine is not running");
    return session_->KeepsAwake();
  }
  Result<VolumeRoom> MeasureVolume();
  /// Saves the next revision: everything that the engine had written before is in it (ADR 2).
  /// Its number is `number`, or the next if the volume has a later one.
  Result<void> Save(uint32_t number);
  /// Takes the credentials out, stops the engine, removes what a mask leaves, trims, unmounts; the volume is
  /// still then and can be sealed. True: the server keeps settings for its next start
  /// (Engine::Session::KeepsSettings).
  Result<bool> FinishImage();
  Result<storage::SealResult> Seal(const storage::SealRequest& request,
                                   const std::function<bool(const storage::SealProgress&)>& progress);

  // Ways to end. The caller ends the process afterwards.

  /// As it was told: stops the engine cleanly if there is one, kills it when that takes too long, and commits
  /// in any case. A build is dropped.
  Result<void> Stop(const StopSignal::Word& word);
  /// To be called once Ended gives a reason. Commits, as far as it can, what clients were told is done.
  void SettleAfterEnd();
  /// Ends a start that failed. It commits first, because clients may have been let in before the failure;
  /// then it does what Abandon does.
  void GiveUp();
  /// Drops what was not written yet: the container is about to be deleted or goes back to a revision.
  void Abandon();
  /// Kills the engine and drops what was not written yet: another one has taken its place. When this returns
  /// it answers nobody any more, though what it had open may take a while to go. What comes next is Abandon.
  Result<void> CutOff();

  /// Descriptor to poll: the engine ended, or process 1 did. -1 before Start.
  int EventFd() const { return init_ ? init_->EventFd() : -1; }
  /// Why the volume can no longer be used, once it cannot: kPoisoned.
  std::optional<Error> Poisoned();
  /// Why this keeper has to end, if it has to: its engine ended by itself, its volume is poisoned, or has a
  /// file system that takes no more writes.
  std::optional<Error> Ended();

 private:
  Result<void> OpenVolume();
  Result<void> StartInit(UniqueFd engine_tree);
  Result<void> TakeDoor(std::vector<UniqueFd> descriptors);
  void LetClientsIn();
  void NoticeRecoveries();
  void CheckRecovery();
  Result<void> PutPortInPlace(UniqueFd filters);
  Result<void> PlanNetwork(int filters_fd);
  Result<void> WriteEngineFiles();
  Result<CommandOutcome> RunToItsEnd(const engines::Command& command, UniqueFd input);
  Result<void> CleanAfterMask();
  Result<UniqueFd> BeginSession();
  void EndSession();
  Result<void> ProbeAndPrepare();
  /// False: neither the log nor the processor has seen anything of the engine for a long time.
  bool ShowsLife(std::chrono::steady_clock::time_point now);
  Result<void> StopEngine(std::chrono::milliseconds patience);
  Result<void> SyncAndSave(uint32_t number);
  std::optional<Error> StuckFileSystem();
  Result<void> Commit();
  Error EngineEnded();
  void ProtectItself();
  void Lap(const char* step);

  StopSignal& stop_;
  KeeperSpec spec_;
  const engines::Engine* engine_ = nullptr;
  engines::Launch launch_;
  std::optional<ContainerLock> lock_;
  std::unique_ptr<EngineLog> log_;
  InitPlan plan_;
  UniqueFd control_group_;        ///< of what runs in the container; not valid: it has none
  int64_t oom_kills_before_ = 0;  ///< of the engine that ran before
  std::unique_ptr<storage::Volume> volume_;
  std::unique_ptr<storage::FuseExport> export_;
  std::unique_ptr<ContainerInit> init_;
  std::optional<Door> door_;              ///< until there is the passage
  std::unique_ptr<Passage> passage_;      ///< none: the machine has no doors
  std::atomic<bool> recovering_ = false;  ///< the gate is shut for that, and will be opened again
  std::chrono::steady_clock::time_point next_recovery_check_{};
  std::unique_ptr<ListeningPort> port_;
  std::unique_ptr<PrimaryLink> primary_link_;  ///< none: it reaches nobody
  /// Also of a server that cannot be reached yet.
  std::optional<SessionClient> session_;
  std::optional<EngineStart> start_;  ///< while it starts
  bool engine_running_ = false;
  bool masked_ = false;       ///< or it was tried
  bool engine_held_ = false;  ///< the volume is there and waits for files before the engine starts
  KeeperStarted started_;
  int64_t lap_start_ns_ = 0;
  Committer committer_;  ///< after the volume
};

}  // namespace spawnd::daemon
