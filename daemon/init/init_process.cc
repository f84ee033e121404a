#include "daemon/init/init_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/message.h"
#include "base/process.h"
#include "daemon/init/enclosed_program.h"
#include "daemon/init/network.h"
#include "daemon/init/private_mounts.h"
#include "daemon/init/program_order.h"
#include "daemon/init/tool_mounts.h"
#include "storage/export/ext4.h"
#include "storage/export/loop_device.h"

namespace spawnd::daemon {
namespace {

using std::chrono::steady_clock;

/// What a server may have open unless it asks for more. A soft limit of the daemon's own would be an
/// accident.
constexpr uint64_t kOpenFiles = 65536;

double MillisecondsSince(steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

template <size_t N>
void CopyText(std::array<char, N>& to, const std::string& from) {
  const size_t length = std::min(from.size(), N - 1);
  std::memcpy(to.data(), from.data(), length);
  to[length] = '\0';
}

/// How long a server may take to stop by itself before it is told its last signal, and after that.
constexpr std::chrono::seconds kBeforeLastSignal{30};
constexpr std::chrono::seconds kAfterLastSignal{10};

class InitProcess {
 public:
  InitProcess(const InitPlan& plan, UniqueFd socket)
      : plan_(plan), socket_(std::move(socket)), engine_{plan.engine_uid, plan.engine_gid} {}

  [[noreturn]] void Run() {
    sigset_t child_signal;
    ::sigemptyset(&child_signal);
    ::sigaddset(&child_signal, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &child_signal, nullptr);
    signals_.Reset(::signalfd(-1, &child_signal, SFD_CLOEXEC | SFD_NONBLOCK));

    while (true) {
      std::array<pollfd, 2> fds{{{socket_.Get(), POLLIN, 0}, {signals_.Get(), POLLIN, 0}}};
      if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) ::_exit(1);
      if (fds[1].revents != 0) ReapChildren();
      if (fds[0].revents == 0) continue;
      auto message = ReceiveMessage(socket_.Get());
      InitOrder order{};
      if (!message || message->text.size() < sizeof order) ::_exit(0);
      std::memcpy(&order, message->text.data(), sizeof order);
      Answer(CarryOut(order, std::move(*message)));
    }
  }

 private:
  void Send(const InitMessage& message) {
    if (::send(socket_.Get(), &message, sizeof message, MSG_NOSIGNAL) < 0) ::_exit(0);
  }

  void Answer(const Result<void>& result) {
    InitMessage message;
    message.timings = timings_;
    message.engine = engine_;
    message.room = room_;
    if (!result) {
      message.kind = InitMessage::Kind::kFailed;
      message.code = result.error().code;
      CopyText(message.text, result.error().message);
      CopyText(message.hint, result.error().hint);
    }
    Send(message);
  }

  Result<void> CarryOut(InitOrder order, Message message) {
    switch (order) {
      case InitOrder::kMountVolume:
        return MountVolume();
      case InitOrder::kInitialiseEngine:
        return InitialiseEngine();
      case InitOrder::kRunProgram:
        return RunProgram(std::move(message));
      case InitOrder::kStartEngine:
        return StartEngine();
      case InitOrder::kStartSession:
        return StartSession(std::move(message));
      case InitOrder::kEndSession:
        EndSession();
        return {};
      case InitOrder::kStopEngine:
        return StopEngine(message);
      case InitOrder::kKillEngine:
        KillAll();
        return {};
      case InitOrder::kBeginToKill:
        ::kill(-1, SIGKILL);
        return {};
      case InitOrder::kTrimVolume:
        return storage::TrimFileSystem(kVolumeDirectory);
      case InitOrder::kSyncVolume:
        return storage::SyncFileSystem(kVolumeDirectory);
      case InitOrder::kUnmountVolume:
        return UnmountVolume();
      case InitOrder::kMeasureVolume:
        return MeasureVolume();
    }
    return Fail(ErrorCode::kInternal, "unknown order to process 1");
  }

  Result<void> MountVolume() {
    auto start = steady_clock::now();
    TRY_ASSIGN(const storage::LoopDevice device, storage::AttachLoopDevice(plan_.volume_file));
    timings_.loop_milliseconds = MillisecondsSince(start);
    if (plan_.format) TRY(storage::FormatExt4(device.path));
    start = steady_clock::now();
    TRY_ASSIGN(const UniqueFd mount, storage::OpenExt4(device.path, plan_.barriers));
    if (plan_.owner_mapping_fd < 0 || !storage::MapOwners(mount.Get(), plan_.owner_mapping_fd)) {
      engine_ = plan_.volume_owner;
      TRY(GivePlacesTo(engine_.uid, engine_.gid));
    }
    TRY(storage::PlaceMount(mount.Get(), kVolumeDirectory));
    if (plan_.own_network) TRY(BringUpLoopback());
    TRY(EnterContainerRoot(plan_.root));
    inside_ = true;
    timings_.mount_milliseconds = MillisecondsSince(start);
    return {};
  }

  /// Nothing of an engine runs outside its root.
  Result<SpawnOptions> EngineOptions(const engines::Command& command) const {
    if (!inside_) return Fail(ErrorCode::kInternal, "the container's root has not been entered");
    SpawnOptions options;
    options.argv = command.argv;
    options.env = command.env;
    options.working_directory = command.working_directory;
    options.stdout_fd = plan_.log_fd;
    options.stderr_fd = plan_.log_fd;
    options.identity = Identity{engine_.uid, engine_.gid, {}};
    options.new_session = true;
    options.no_new_privileges = true;
    options.no_capabilities = true;
    options.system_call_filter = plan_.filter;
    if (plan_.programs_ask) options.filter_listener_socket = plan_.filters_fd;
    options.limits = {{RLIMIT_CORE, 0, 0}, {RLIMIT_NOFILE, kOpenFiles, RLIM_INFINITY}};
    options.control_group_fd = plan_.control_group_fd;
    // Counted by user, so only where the user is this container's alone.
    if (plan_.control_group_fd < 0 && plan_.most_processes > 0 && !(engine_ == plan_.volume_owner)) {
      const auto most = static_cast<uint64_t>(plan_.most_processes);
      options.limits.push_back({RLIMIT_NPROC, most, most});
    }
    // Daemon and keeper are last to go when memory runs out. The one that uses it up must not inherit that.
    options.oom_score_adj = 0;
    return options;
  }

  Result<void> InitialiseEngine() {
    const std::string data = ContainerPaths().data_directory;
    if (::mkdir(data.c_str(), 0700) != 0) return FailErrno(errno, "cannot make the data directory");
    if (::chown(data.c_str(), engine_.uid, engine_.gid) != 0) {
      return FailErrno(errno, "cannot give the data directory to the engine's user");
    }
    if (plan_.initialise.argv.empty()) return {};
    TRY(MakeBinds());
    TRY_ASSIGN(const SpawnOptions options, EngineOptions(plan_.initialise));
    TRY_ASSIGN(const pid_t pid, Spawn(options));
    const int exit_code = WaitForExit(pid);
    if (exit_code != 0) {
      return Fail(ErrorCode::kInternal,
                  "'" + plan_.initialise.argv[0] + "' ended with exit code " + std::to_string(exit_code));
    }
    return {};
  }

  /// Starts it and does not wait: its giver does, at the other end of the leash.
  Result<void> RunProgram(Message message) {
    TRY_ASSIGN(const ProgramOrder order,
               DecodeProgramOrder(std::string_view(message.text).substr(sizeof(InitOrder))));
    TRY_ASSIGN(ProgramDescriptors descriptors, TakeDescriptors(order, message));
    Enclosure program;
    TRY_ASSIGN(program.options, EngineOptions(order.command));
    program.options.stdin_fd = descriptors.input.Get();
    if (order.has_output) program.options.stdout_fd = descriptors.output.Get();
    if (order.has_messages) program.options.stderr_fd = descriptors.messages.Get();
    program.options.fourth_fd = descriptors.file.Get();
    program.leash = std::move(descriptors.leash);
    if (order.is_tool) {
      program.options.identity = order.identity;
      // The caller may have any number of processes elsewhere.
      std::erase_if(program.options.limits,
                    [](const ResourceLimit& one) { return one.resource == RLIMIT_NPROC; });
      program.options.no_capabilities = false;  // the one that waits for it decides over them
      program.reads_any_file = order.reads_any_file;
      program.own_mounts = true;
      program.kept = {descriptors.folder.Get()};
      program.prepare = [this, folder = descriptors.folder.Get()] {
        return EnterToolMounts(BoundPlaces(), folder);
      };
    }
    return StartEnclosed(std::move(program)).map([](pid_t) {});
  }

  std::vector<std::string> BoundPlaces() const {
    std::vector<std::string> places;
    for (const engines::Bind& bind : plan_.binds) places.push_back(bind.to);
    return bound_ ? places : std::vector<std::string>();
  }

  /// Once: places on the volume exist by the time that something runs there.
  Result<void> MakeBinds() {
    if (std::exchange(bound_, true)) return {};
    for (const engines::Bind& bind : plan_.binds) TRY(BindInPlace(bind.from, bind.to));
    return {};
  }

  /// A bind that is still there would keep the file system mounted, and the loop device busy.
  Result<void> UnmountVolume() {
    if (std::exchange(bound_, false)) {
      for (auto bind = plan_.binds.rbegin(); bind != plan_.binds.rend(); ++bind) {
        TRY(storage::UnmountFileSystem(bind->to));
      }
    }
    return storage::UnmountFileSystem(kVolumeDirectory);
  }

  Result<void> MeasureVolume() {
    struct statvfs volume {};
    if (::statvfs(kVolumeDirectory, &volume) != 0) return FailErrno(errno, "cannot measure the volume");
    room_ = {uint64_t{volume.f_blocks} * volume.f_frsize, uint64_t{volume.f_bavail} * volume.f_frsize};
    return {};
  }

  Result<void> StartEngine() {
    TRY(MakeBinds());
    TRY_ASSIGN(SpawnOptions options, EngineOptions(plan_.start));
    options.system_call_filter = plan_.start_filter;
    options.filter_listener_socket = plan_.filters_fd;
    TRY_ASSIGN(engine_pid_, Spawn(options));
    return {};
  }

  /// A fork without exec: the client libraries are loaded already, and it takes well under a millisecond.
  Result<void> StartSession(Message message) {
    if (message.descriptors.empty()) return Fail(ErrorCode::kInternal, "a session without a socket");
    EndSession();
    const pid_t pid = ::fork();
    if (pid < 0) return FailErrno(errno, "cannot start the session with the server");
    if (pid == 0) {
      UniqueFd network;
      if (message.descriptors.size() > 1) network = std::move(message.descriptors[1]);
      SessionPlan session = plan_.session;
      session.uid = engine_.uid;
      session.gid = engine_.gid;
      RunSessionProcess(session, std::move(message.descriptors[0]), std::move(network));
    }
    session_pid_ = pid;
    return {};
  }

  void EndSession() {
    if (session_pid_ <= 0) return;
    ::kill(session_pid_, SIGKILL);
    WaitForExit(std::exchange(session_pid_, -1));
  }

  Result<void> StopEngine(const Message& message) {
    std::chrono::milliseconds::rep patience = 0;
    if (message.text.size() != sizeof(InitOrder) + sizeof patience) {
      return Fail(ErrorCode::kInternal, "an order to stop is cut short");
    }
    std::memcpy(&patience, message.text.data() + sizeof(InitOrder), sizeof patience);
    bool clean = true;
    if (engine_pid_ > 0) {
      ::kill(engine_pid_, plan_.stop_signal);
      // What somebody stopped hears nothing. Whoever goes on stopping it is killed with it in the end.
      ::kill(-1, SIGCONT);
      clean = AwaitStop(steady_clock::now() + std::chrono::milliseconds(patience));
    }
    KillAll();
    if (!clean) return Fail(ErrorCode::kTimeout, "the engine did not stop cleanly and was killed");
    return {};
  }

  /// A server that hangs on its way is told once more, in a way that it cannot miss; a good one whose last
  /// words to the disk take as long recovers at its next start.
  bool AwaitStop(steady_clock::time_point deadline) {
    if (plan_.last_stop_signal == 0) return WaitForEngine(deadline);
    if (WaitForEngine(std::min(deadline, steady_clock::now() + kBeforeLastSignal))) return true;
    ::kill(engine_pid_, plan_.last_stop_signal);
    return WaitForEngine(std::min(deadline, steady_clock::now() + kAfterLastSignal));
  }

  bool WaitForEngine(steady_clock::time_point deadline) {
    while (engine_pid_ > 0) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now());
      if (left.count() <= 0) return false;
      pollfd poll_fd{signals_.Get(), POLLIN, 0};
      ::poll(&poll_fd, 1, static_cast<int>(left.count()));
      ReapChildren();
    }
    return true;
  }

  /// Everything in this namespace but process 1 itself; returns when all of it is gone.
  void KillAll() {
    ::kill(-1, SIGKILL);
    int status = 0;
    while (true) {
      const pid_t pid = ::waitpid(-1, &status, 0);
      if (pid < 0 && errno == EINTR) continue;
      if (pid < 0) return;
      NoteExit(pid, status);
    }
  }

  void ReapChildren() {
    signalfd_siginfo info{};
    while (::read(signals_.Get(), &info, sizeof info) > 0) {
    }
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) NoteExit(pid, status);
  }

  void NoteExit(pid_t pid, int status) {
    if (pid == session_pid_) session_pid_ = -1;
    if (pid != engine_pid_) return;
    engine_pid_ = -1;
    InitMessage message;
    message.kind = InitMessage::Kind::kEngineExit;
    message.engine_status = status;
    Send(message);
  }

  const InitPlan& plan_;
  UniqueFd socket_;
  UniqueFd signals_;
  storage::Owner engine_;  ///< who it runs as
  pid_t engine_pid_ = -1;
  pid_t session_pid_ = -1;
  bool bound_ = false;
  bool inside_ = false;
  InitTimings timings_;
  VolumeRoom room_;
};

}  // namespace

std::string EncodeOrder(InitOrder order) {
  return {reinterpret_cast<const char*>(&order), sizeof order};
}

std::string EncodeStop(std::chrono::milliseconds patience) {
  const std::chrono::milliseconds::rep count = patience.count();
  return EncodeOrder(InitOrder::kStopEngine) +
         std::string(reinterpret_cast<const char*>(&count), sizeof count);
}

void RunInitProcess(const InitPlan& plan, UniqueFd socket) {
  // The socket tells of the keeper's end too, but only to a process that listens: this one may be waiting for
  // a mount.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NAME, "spawnd-init");
  InitProcess(plan, std::move(socket)).Run();
}

}  // namespace spawnd::daemon
