#include "daemon/keeper/keeper.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <utility>

#include "base/clock.h"
#include "base/control_group.h"
#include "base/descriptors.h"
#include "base/file.h"
#include "base/random.h"
#include "daemon/init/outer_root.h"
#include "daemon/init/private_mounts.h"
#include "daemon/init/system_calls.h"
#include "daemon/keeper/files.h"
#include "engines/registry.h"
#include "storage/image/image.h"

namespace spawnd::daemon {
namespace {

using namespace std::chrono_literals;

constexpr int kServingThreads = 4;
constexpr auto kCommitInterval = 1s;
/// A crash ends a build, so its commits only give back the space of what it wrote and deleted again.
constexpr auto kBuildCommitInterval = 30s;
constexpr auto kMountDeadline = 60s;
constexpr auto kInitialiseDeadline = 300s;
/// How long the engine of a build may take to write out its memory on a clean stop before it is killed.
constexpr auto kBuildStopPatience = 120s;
/// With an engine when most of the time went to what had to come before.
constexpr std::chrono::milliseconds kLeastPatience = 1s;
/// What process 1 needs beside that, to kill what is left and to answer.
constexpr auto kStopAround = 3s;
constexpr auto kSyncDeadline = 120s;
constexpr auto kCutOffDeadline = 2s;
constexpr auto kSessionDeadline = 30s;
/// Of the disk, before a container whose file system gave up is started again.
constexpr uint64_t kRoomToGoOn = uint64_t{16} << 20U;
/// How long the processes of a keeper that died may take to be gone before its successor gives up.
constexpr auto kLockDeadline = 30s;

Error PoisonedError(const Error& cause) {
  return {
      ErrorCode::kPoisoned, cause.message,
      "Look for the disk's errors in `dmesg`, then decide: `spawnctl delete data-container`, `spawnctl reset "
      "data-container` where there is a state to go back to, or `spawnctl start data-container`, which goes "
      "on from the last commit."};
}

/// None where the engine is to run as the files' owner, or the kernel has no user namespaces.
UniqueFd OwnerMapping(const KeeperSpec& spec) {
  const storage::Owner engine{spec.engine_uid, spec.engine_gid};
  const storage::Owner on_disk{spec.volume_uid, spec.volume_gid};
  if (engine == on_disk) return UniqueFd();
  return storage::MakeOwnerMapping(on_disk, engine).value_or(UniqueFd());
}

}  // namespace

void Keeper::Lap(const char* step) {
  const int64_t now = MonotonicNanoseconds();
  started_.timings.emplace_back(step, static_cast<double>(now - lap_start_ns_) / 1e6);
  lap_start_ns_ = now;
}

Result<void> Keeper::Start(const KeeperRequest& request, UniqueFd engine_tree, UniqueFd control_group,
                           std::vector<UniqueFd> door) {
  if (!request.spec) return Fail(ErrorCode::kInvalidArgument, "a keeper is to start nothing");
  spec_ = *request.spec;
  started_.pid = ::getpid();
  started_.spawnd = spec_.spawnd;
  started_.build = spec_.build;
  started_.engine_version = spec_.installation.version;
  started_.engine_program = spec_.engine_program;
  control_group_ = std::move(control_group);
  started_.limited = control_group_.Valid();
  oom_kills_before_ = started_.limited ? OomKills(control_group_.Get()) : 0;
  lap_start_ns_ = request.launched_at_microseconds * 1000;
  Lap("keeper");
  TRY_ASSIGN(engine_, engines::FindEngine(spec_.installation.engine));
  launch_ = {spec_.installation,    ContainerPaths(),
             spec_.endpoint,        spec_.credentials,
             spec_.purpose,         spec_.durability == storage::Durability::kAlways,
             spec_.require_tls,     spec_.settings,
             spec_.image_superuser, RandomText(32, kLowerLetters),
             spec_.primary,         spec_.behind_door};
  auto lock = ContainerLock::Take(spec_.directory, kLockDeadline);
  if (!lock && lock.error().code == ErrorCode::kTimeout) {
    return Fail(ErrorCode::kInUse, "another keeper of this container is still running");
  }
  TRY_ASSIGN(lock_, std::move(lock));
  TRY(OpenVolume());
  Lap("volume");
  TRY(TakeDoor(std::move(door)));
  TRY(StartInit(std::move(engine_tree)));
  Lap("fuse");
  TRY_ASSIGN(const InitTimings mounted, init_->Do(InitOrder::kMountVolume, kMountDeadline));
  started_.timings.emplace_back("loop", mounted.loop_milliseconds);
  lap_start_ns_ += static_cast<int64_t>(mounted.loop_milliseconds * 1e6);
  Lap("mount");
  const storage::Owner engine = init_->EngineUser();
  spec_.engine_uid = started_.engine_uid = engine.uid;
  spec_.engine_gid = engine.gid;
  TRY(WriteEngineFiles());
  if (plan_.format) {
    auto initialised = init_->Do(InitOrder::kInitialiseEngine, kInitialiseDeadline);
    if (!initialised) return Fail(EngineEnded().Wrap(initialised.error().message));
    Lap("initialise");
  }
  committer_.Start(*volume_, engines::MakesImage(spec_.purpose) ? kBuildCommitInterval : kCommitInterval);
  engine_held_ = true;
  if (spec_.hold_engine) return {};
  return StartEngine(std::chrono::seconds(request.deadline_seconds));
}

Result<void> Keeper::StartEngine(std::chrono::seconds deadline) {
  if (!std::exchange(engine_held_, false)) {
    return Fail(ErrorCode::kInUse, "the engine does not wait for its start");
  }
  // What earlier programs printed must not be taken for the engine's ready line.
  log_->Mark();
  TRY(init_->Do(InitOrder::kStartEngine, kMountDeadline).map([](InitTimings) {}));
  engine_running_ = true;
  session_.emplace(SessionClient::Source{[this] { return BeginSession(); }, [this] { EndSession(); }});
  // While the engine starts, so that nobody waits for it.
  TRY(session_->Begin());
  const auto now = std::chrono::steady_clock::now();
  start_.emplace();
  start_->since = start_->next_probe = start_->next_look = start_->seen_alive = now;
  start_->said_ready = engine_->ReadyLine().empty();
  if (deadline.count() > 0) start_->end = now + deadline;
  return {};
}

Result<void> Keeper::OpenVolume() {
  storage::VolumeOptions options;
  options.directory = spec_.directory + "/" + kDeltaName;
  options.volume_bytes = spec_.volume_bytes;
  options.durability = spec_.durability;
  if (!spec_.index_path.empty()) {
    auto image = storage::Image::Open(PosixFileSystem(), spec_.index_path, spec_.layer_directory);
    if (!image && image.error().code == ErrorCode::kNotFound) {
      image.error().hint =
          "Files of the data image are missing: `spawnd fsck --repair` says which, while spawnd is stopped.";
    }
    TRY_ASSIGN(options.image, std::move(image));
    options.volume_bytes = options.image->VolumeBytes();
  }
  if (spec_.base_revision) options.revisions.push_back(*spec_.base_revision);
  options.revisions.insert(options.revisions.end(), spec_.base_below.begin(), spec_.base_below.end());
  if (spec_.revert_to) {
    const uint32_t number = *spec_.revert_to;
    auto reverted =
        storage::RevertDelta(PosixFileSystem(), options, number == 0 ? std::nullopt : std::optional(number));
    if (!reverted) {
      return Fail(reverted.error().Wrap("cannot go back to rev." + std::to_string(number)));
    }
  }
  auto opened = storage::Volume::Open(PosixFileSystem(), std::move(options));
  // The volume says so itself, of the sync of what a predecessor had written. An open fails for other reasons
  // too, such as a process without descriptors, and the next try may do.
  if (!opened && opened.error().code == ErrorCode::kPoisoned) return Fail(PoisonedError(opened.error()));
  TRY_ASSIGN(volume_, std::move(opened));
  return {};
}

Result<void> Keeper::StartInit(UniqueFd engine_tree) {
  TRY_ASSIGN(log_, EngineLog::Open(spec_.directory + "/" + kEngineLogName));
  // A name of its own, by which the loop device of this very start can be told from all others on the
  // machine.
  const std::string file_name = "spawnd-" + std::to_string(spec_.id) + "-" + RandomText(8, kLowerLetters);
  if (::unshare(CLONE_NEWNS) != 0) return FailErrno(errno, "cannot leave the launcher's mount namespace");
  TRY(MakePrivatePlaces(spec_.engine_uid, spec_.engine_gid));
  if (spec_.host_network) TRY(WriteNameServers(spec_.name_servers));
  TRY_ASSIGN(export_, storage::FuseExport::Mount(kFuseDirectory, file_name));

  plan_.volume_file = std::string(kFuseDirectory) + "/" + file_name;
  plan_.format = spec_.index_path.empty() && !spec_.has_file_system;
  plan_.barriers =
      spec_.durability == storage::Durability::kAlways ? storage::Barriers::kOn : storage::Barriers::kOff;
  plan_.binds = engine_->Binds(launch_);
  plan_.initialise = engine_->InitialiseCommand(launch_);
  plan_.start = engine_->StartCommand(launch_);
  plan_.stop_signal = engine_->StopSignal();
  // An image has nothing to recover.
  plan_.last_stop_signal = engines::MakesImage(spec_.purpose) ? 0 : engine_->LastStopSignal();
  plan_.engine_uid = spec_.engine_uid;
  plan_.engine_gid = spec_.engine_gid;
  plan_.volume_owner = {spec_.volume_uid, spec_.volume_gid};
  plan_.session = {engine_, launch_};
  plan_.control_group_fd = control_group_.Get();
  plan_.most_processes = spec_.most_processes;
  plan_.log_fd = log_->Writer();
  plan_.lock_fd = lock_->Descriptor();
  plan_.root.engine_tree = engine_tree.Get();
  plan_.root.engine_root = spec_.installation.root;
  for (const engines::Bind& bind : plan_.binds) plan_.root.mount_points.push_back(bind.to);
  TRY_ASSIGN(SocketPair filters, MakeSocketPair(SOCK_SEQPACKET));
  TRY(PlanNetwork(filters.theirs.Get()));
  const UniqueFd mapping = OwnerMapping(spec_);
  plan_.owner_mapping_fd = mapping.Get();
  TRY_ASSIGN(init_, ContainerInit::Fork(plan_));
  lock_->NoteProcess(init_->Pid());
  ProtectItself();
  filters.theirs.Reset();
  // From here on there are threads. Also while the engine does not start, nor stop.
  const bool keep = !engines::MakesImage(spec_.purpose);
  stop_.Bound(keep, [this, keep] {
    if (keep) static_cast<void>(volume_->CommitEpoch().has_value());
  });
  TRY(PutPortInPlace(std::move(filters.ours)));
  TRY(log_->Serve());
  return export_->Serve(*volume_, kServingThreads);
}

/// Which network the engine has, and whether its port is put in place from here.
Result<void> Keeper::PlanNetwork(int filters_fd) {
  plan_.own_network = !spec_.host_network;
  TRY_ASSIGN(plan_.filter, EngineSystemCalls(Asks::kNothing));
  plan_.session.filter = plan_.filter;
  if (spec_.primary) {
    // It has clients of its own alone, by its private socket.
    TRY_ASSIGN(plan_.filter, EngineSystemCalls(Asks::kConnect));
    plan_.own_network = plan_.programs_ask = true;
    plan_.filters_fd = filters_fd;
  }
  plan_.start_filter = plan_.filter;
  if (spec_.primary) return {};
  // Nobody but the tools in its own container needs a build's server.
  if ((!plan_.own_network && !door_) || engines::MakesImage(spec_.purpose)) return {};
  TRY_ASSIGN(plan_.start_filter, EngineSystemCalls(Asks::kBind));
  plan_.filters_fd = filters_fd;
  return {};
}

Result<void> Keeper::WriteEngineFiles() {
  TRY(WriteEngineFile(launch_.paths.tls_certificate, spec_.tls.certificate, spec_.engine_uid,
                      spec_.engine_gid));
  TRY(WriteEngineFile(launch_.paths.tls_key, spec_.tls.key, spec_.engine_uid, spec_.engine_gid));
  for (const engines::SettingsFile& file : engine_->SettingsFiles(launch_)) {
    TRY(WriteEngineFile(launch_.paths.settings_directory + "/" + file.name, file.content, spec_.engine_uid,
                        spec_.engine_gid));
  }
  return {};
}

Result<UniqueFd> Keeper::BeginSession() {
  UniqueFd network;
  // The address is the host's only where the port was put in place from here.
  if (engine_->ProbesByAddress() && port_) {
    network.Reset(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!network.Valid()) return FailErrno(errno, "cannot open the host's network");
  }
  return init_->StartSession(network.Get(), kSessionDeadline);
}

void Keeper::EndSession() {
  // Process 1 answers at once, or is gone and the session with it.
  [[maybe_unused]] const bool ended = init_->Do(InitOrder::kEndSession, kSessionDeadline).has_value();
}

/// Where the machine refuses one of the two, a container runs without it, and `get` says so.
void Keeper::ProtectItself() {
#ifndef PR_SET_IO_FLUSHER
  constexpr int PR_SET_IO_FLUSHER = 57;
#endif
  // The kernel must not make this process wait for memory that only this process's own writes can free.
  started_.io_flusher = ::prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) == 0;
  // The engine may be killed when memory is short; the process that its disk depends on may not.
  started_.oom_score = static_cast<bool>(std::ofstream("/proc/self/oom_score_adj") << "-900" << std::flush);
}

Error Keeper::EngineEnded() {
  const std::optional<int> status = init_->EngineExit();
  const int64_t kills = control_group_.Valid() ? OomKills(control_group_.Get()) - oom_kills_before_ : 0;
  // Its log says nothing of that, or that one of its processes was killed.
  const bool killed = status && WIFSIGNALED(*status) && WTERMSIG(*status) == SIGKILL;
  Error error = killed ? Error(ErrorCode::kUnavailable, "the server was killed by signal 9")
                       : engine_->ExplainExit(log_->Tail(EngineLog::kTailBytes), spec_.endpoint);
  if (kills > 0 && error.message.find("signal 9") != std::string::npos) {
    return {ErrorCode::kUnavailable, MemoryRanOut(control_group_.Get(), kills),
            "Give it more: `--memory` of `spawnctl create data-container`, or `limits:` of its image."};
  }
  // Without a count only the kernel's log knows.
  if (killed && !control_group_.Valid()) {
    error.hint = "The kernel kills processes when memory runs out; `dmesg` tells.";
  }
  return error;
}

KeeperReply Keeper::Status() {
  KeeperReply reply;
  reply.started = started_;
  reply.started.starting = Starting();
  reply.started.behind_door = spec_.behind_door;
  if (volume_) reply.started.revisions = volume_->Revisions();
  return reply;
}

Result<void> Keeper::CreateDatabase(const std::string& database) {
  if (!session_) return Fail(ErrorCode::kUnavailable, "the engine is not running");
  return session_->CreateDatabase(database);
}

Result<VolumeRoom> Keeper::MeasureVolume() {
  if (!init_) return Fail(ErrorCode::kUnavailable, "there is no volume");
  return init_->MeasureVolume(kMountDeadline);
}

Result<std::vector<std::string>> Keeper::UserDatabases() {
  if (!session_) return Fail(ErrorCode::kUnavailable, "the engine is not running");
  return session_->UserDatabases();
}

Result<void> Keeper::StopEngine(std::chrono::milliseconds patience) {
  session_.reset();
  start_.reset();
  engine_running_ = false;
  return init_->StopEngine(patience, patience + kStopAround);
}

Result<void> Keeper::Save(uint32_t number) {
  if (!engine_running_ || !session_ || Starting()) {
    return Fail(ErrorCode::kUnavailable, "the engine is not running");
  }
  auto saved = session_->BeforeSave();
  if (saved) saved = SyncAndSave(number);
  // The revision is whole even if this fails. The engine only stays slower until its next start.
  [[maybe_unused]] const bool as_it_was = session_->AfterSave().has_value();
  return saved;
}

Result<void> Keeper::SyncAndSave(uint32_t number) {
  TRY(init_->Do(InitOrder::kSyncVolume, kSyncDeadline).map([](InitTimings) {}));
  const auto there = volume_->Revisions();
  const uint32_t next = there.empty() ? 1 : there.back().number + 1;
  return volume_->SaveRevision(std::max(number, next)).map([](const auto&) {});
}

Result<bool> Keeper::FinishImage() {
  // Of a server that was never started, or that takes no changes, the files are the image as they are.
  const bool as_it_is = engine_held_ || spec_.purpose == engines::Purpose::kFollow;
  if (!session_ && !as_it_is) return Fail(ErrorCode::kUnavailable, "the engine is not running");
  bool keeps_settings = false;
  if (!as_it_is) {
    TRY_ASSIGN(keeps_settings, session_->KeepsSettings());
    TRY(session_->PrepareImage());
  }
  if (engine_running_) TRY(StopEngine(kBuildStopPatience));
  if (masked_) TRY(CleanAfterMask());
  engine_held_ = false;
  TRY(init_->Do(InitOrder::kTrimVolume, kMountDeadline).map([](InitTimings) {}));
  TRY(init_->Do(InitOrder::kUnmountVolume, kMountDeadline).map([](InitTimings) {}));
  return keeps_settings;
}

Result<storage::SealResult> Keeper::Seal(const storage::SealRequest& request,
                                         const std::function<bool(const storage::SealProgress&)>& progress) {
  if (engine_running_) return Fail(ErrorCode::kInUse, "the engine is still running");
  if (!volume_) return Fail(ErrorCode::kUnavailable, "there is no volume");
  return storage::Seal(PosixFileSystem(), *volume_, request, progress);
}

Result<void> Keeper::Commit() {
  committer_.Stop();
  return volume_ ? volume_->CommitEpoch() : Result<void>();
}

Result<void> Keeper::Stop(const StopSignal::Word& word) {
  ShutGate();
  if (engines::MakesImage(spec_.purpose)) {
    Abandon();
    return {};
  }
  Result<void> stopped;
  if (engine_running_) {
    const auto left = word.came + word.patience - std::chrono::steady_clock::now();
    stopped = StopEngine(std::max(std::chrono::ceil<std::chrono::milliseconds>(left), kLeastPatience));
    auto unmounted = init_->Do(InitOrder::kUnmountVolume, kMountDeadline).map([](InitTimings) {});
    if (stopped) stopped = std::move(unmounted);
  }
  auto committed = Commit();
  return committed ? stopped : committed;
}

void Keeper::SettleAfterEnd() {
  if (Poisoned()) return;
  // This engine answers its clients before it syncs, so the file system is synced for it. If that fails,
  // the writes are lost, as they would be if the machine went down.
  if (init_ && engine_ != nullptr && engine_->AnswersBeforeFlush()) {
    [[maybe_unused]] const bool written = init_->Do(InitOrder::kSyncVolume, kSyncDeadline).has_value();
  }
  // Without this commit a reboot before the next keeper's first commit would lose up to a second of writes.
  [[maybe_unused]] const bool committed = Commit().has_value();
}

void Keeper::GiveUp() {
  // A build's writes are nobody's yet.
  if (!engines::MakesImage(spec_.purpose) && !Poisoned()) {
    [[maybe_unused]] const bool committed = Commit().has_value();
  }
  Abandon();
}

void Keeper::Abandon() {
  ShutGate();
  if (!export_ || !init_) return;
  export_->DropWrites();
  start_.reset();
  engine_running_ = false;
  // Should one of these fail, the end of process 1 does the same, less tidily: the kernel logs the lost
  // writes.
  if (init_->Do(InitOrder::kKillEngine, 5s)) {
    [[maybe_unused]] const bool unmounted = init_->Do(InitOrder::kUnmountVolume, 5s).has_value();
  }
}

Result<void> Keeper::CutOff() {
  if (!export_ || !init_) return {};
  export_->DropWrites();
  session_.reset();
  start_.reset();
  engine_running_ = false;
  auto killed = init_->Do(InitOrder::kBeginToKill, kCutOffDeadline).map([](InitTimings) {});
  // And those that were passed on.
  port_.reset();
  passage_.reset();
  return killed;
}

std::optional<Error> Keeper::Poisoned() {
  const auto healthy = volume_ ? volume_->CheckHealthy() : Result<void>();
  return healthy ? std::nullopt : std::optional(PoisonedError(healthy.error()));
}

/// A full disk is waited out, but not by ext4: once its own journal found no room it takes nothing more until
/// it is mounted anew. A server may live on with that for ever (PostgreSQL 18 does, whose recovery fails in
/// the middle: its postmaster waits for nobody). As long as there is no room it is left alone, for those who
/// read.
std::optional<Error> Keeper::StuckFileSystem() {
  if (!export_ || !export_->Refused() || !init_ || engines::MakesImage(spec_.purpose)) return std::nullopt;
  struct statvfs disk {};
  if (::statvfs(spec_.directory.c_str(), &disk) != 0 || disk.f_bfree * disk.f_frsize < kRoomToGoOn) {
    return std::nullopt;
  }
  const std::string mounts = TextOfFile("/proc/" + std::to_string(init_->Pid()) + "/mountinfo");
  if (!storage::TakesNoWrites(mounts, kVolumeDirectory)) return std::nullopt;
  return Error{ErrorCode::kNoSpace,
               "the disk was full, and the file system of the container took no more writes since"};
}

std::optional<Error> Keeper::Ended() {
  // Before the engine, which may have ended because of it.
  if (auto poisoned = Poisoned()) return poisoned;
  CheckRecovery();
  if (!engine_running_) return std::nullopt;
  if (init_->EngineExit()) return EngineEnded();
  return StuckFileSystem();
}

}  // namespace spawnd::daemon
