#include "daemon/keeper/client.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/message.h"
#include "daemon/init/mounts.h"
#include "daemon/keeper/container_lock.h"
#include "daemon/keeper/control_socket.h"
#include "daemon/keeper/files.h"
#include "daemon/keeper/protocol.h"
#include "daemon/keeper/stop_signal.h"

namespace spawnd::daemon {
namespace {

using Op = KeeperRequest::Op;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr milliseconds kStopCheck(100);
constexpr seconds kQuickDeadline(30);
/// Each database is asked; longer than a session's own.
constexpr seconds kLibrariesDeadline(90);
/// Copying a whole database through the compressor takes as long as it takes; progress keeps coming
/// meanwhile.
constexpr seconds kSealDeadline(24 * 3600);
/// Longer than the keeper's own: what is dirty is written to the volume first, and that to the disk.
constexpr seconds kSaveDeadline(300);
/// Opening a volume, mounting it and, of a build, making the first files of an engine.
constexpr seconds kVolumeDeadline(1800);
/// A tidy end before SIGKILL. Whoever waits for it may be a daemon that stops: less than its own goodbye.
constexpr seconds kAbandonDeadline(4);
/// A server that is killed; somebody waits for the end of its connections.
constexpr seconds kCutOffDeadline(3);

using ProgressFunction = std::function<bool(const storage::SealProgress&)>;

class Client final : public KeeperClient {
 public:
  Client(std::string directory, UniqueFd connection, KeeperStarted started, UniqueFd process)
      : directory_(std::move(directory)),
        connection_(std::move(connection)),
        process_(std::move(process)),
        started_(std::move(started)) {}

  const KeeperStarted& Started() const override { return started_; }
  int Process() const { return process_.Get(); }
  void NoteStarting() { started_.starting = true; }
  Result<void> Send(const KeeperRequest& request, const std::vector<int>& descriptors) {
    return SendMessage(connection_.Get(), EncodeRequest(request), descriptors);
  }
  void SetStarted(KeeperStarted started) { started_ = std::move(started); }

  Result<KeeperReply> Ask(const KeeperRequest& request, seconds deadline,
                          const std::function<bool()>& stop = {}, const ProgressFunction& progress = {},
                          std::initializer_list<int> descriptors = {}) {
    TRY(SendMessage(connection_.Get(), EncodeRequest(request), descriptors));
    return Await(deadline, stop, progress);
  }

  Result<KeeperReply> Await(seconds deadline, const std::function<bool()>& stop,
                            const ProgressFunction& progress) {
    const auto end = steady_clock::now() + deadline;
    MessageReader reader;
    while (true) {
      const auto left = std::chrono::duration_cast<milliseconds>(end - steady_clock::now());
      if (left.count() <= 0) return Fail(ErrorCode::kTimeout, "the keeper did not answer in time");
      if (stop && stop()) return Fail(ErrorCode::kCancelled, "cancelled");
      TRY_ASSIGN(const auto reply, NextReply(reader, std::min(left, kStopCheck)));
      if (!reply || reply->starting) continue;
      if (!reply->progress) return *reply;
      if (progress && !progress(*reply->progress)) return Fail(ErrorCode::kCancelled, "cancelled");
    }
  }

  /// True: the engine answers. False: it still starts.
  Result<bool> AwaitStart(const LaunchTerms& terms) {
    const auto end = steady_clock::now() + terms.patience;
    // What the engine may take, and the keeper for all that is before it.
    const auto deadline = steady_clock::now() +
                          (terms.deadline.count() > 0 ? terms.deadline + kQuickDeadline : kVolumeDeadline);
    MessageReader reader;
    bool starts = false;
    while (true) {
      if (terms.stop()) return Fail(ErrorCode::kCancelled, "cancelled");
      TRY_ASSIGN(auto reply, NextReply(reader, kStopCheck));
      if (reply && !reply->starting) {
        started_ = std::move(reply->started);
        return true;
      }
      if (reply) {
        starts = true;
        if (terms.says) terms.says(*reply->starting);
        continue;
      }
      const auto now = steady_clock::now();
      const bool leaves = terms.leave && terms.leave();
      if (starts && (leaves || (terms.patience.count() > 0 && now > end))) return false;
      if (!starts && leaves) return Fail(ErrorCode::kCancelled, "cancelled");
      if ((terms.deadline.count() > 0 || !starts) && now > deadline) {
        return Fail(ErrorCode::kTimeout, "the keeper did not answer in time");
      }
    }
  }

  UniqueFd TakeConnection() override { return std::move(connection_); }

  Result<void> BeginCommand(const engines::Command& command, int stdin_fd) override {
    KeeperRequest request;
    request.op = Op::kRunCommand;
    request.command = command;
    return SendMessage(connection_.Get(), EncodeRequest(request), {stdin_fd});
  }

  Result<CommandOutcome> FinishCommand(seconds deadline, const std::function<bool()>& stop) override {
    return Await(deadline, stop, {}).map([](KeeperReply reply) {
      return std::move(reply.outcome).value_or(CommandOutcome());
    });
  }

  Result<void> StartTool(ProgramOrder order, ProgramDescriptors descriptors) override {
    KeeperRequest request;
    request.op = Op::kStartTool;
    NoteDescriptors(descriptors, order);
    request.tool = std::move(order);
    TRY(SendWithDescriptors(connection_.Get(), EncodeRequest(request), descriptors));
    return Await(kQuickDeadline, {}, {}).map([](const KeeperReply&) {});
  }

  Result<void> StartEngine(seconds deadline, const std::function<bool()>& stop) override {
    KeeperRequest request;
    request.op = Op::kStartEngine;
    request.deadline_seconds = deadline.count();
    TRY_ASSIGN(KeeperReply reply, Ask(request, deadline + seconds(10), stop));
    SetStarted(std::move(reply.started));
    return {};
  }

  Result<KeeperSpec> Spec() override {
    KeeperRequest request;
    request.op = Op::kSpec;
    TRY_ASSIGN(KeeperReply reply, Ask(request, kQuickDeadline));
    if (!reply.spec) return Fail(ErrorCode::kUnsupported, "the keeper does not say what it was started with");
    return std::move(*reply.spec);
  }

  Result<void> OpenGate() override { return Do(Op::kOpenGate); }
  Result<void> ShutGate() override { return Do(Op::kShutGate); }

  Result<void> CreateDatabase(const std::string& database) override {
    KeeperRequest request;
    request.op = Op::kCreateDatabase;
    request.database = database;
    return Ask(request, kQuickDeadline).map([](const KeeperReply&) {});
  }

  Result<std::vector<std::string>> UserDatabases() override {
    KeeperRequest request;
    request.op = Op::kUserDatabases;
    return Ask(request, kQuickDeadline).map([](const KeeperReply& reply) { return reply.databases; });
  }

  Result<std::vector<std::string>> UsedLibraries(const std::function<bool()>& stop) override {
    KeeperRequest request;
    request.op = Op::kUsedLibraries;
    TRY_ASSIGN(KeeperReply reply, Ask(request, kLibrariesDeadline, stop));
    std::erase_if(reply.libraries, [](const std::string& text) { return !engines::UsedLibraryFrom(text); });
    if (reply.libraries.size() > engines::kMaxUsedLibraries) {
      reply.libraries.resize(engines::kMaxUsedLibraries);
    }
    return std::move(reply.libraries);
  }

  Result<std::string> KeepsAwake(const std::function<bool()>& stop) override {
    KeeperRequest request;
    request.op = Op::kKeepsAwake;
    TRY_ASSIGN(KeeperReply reply, Ask(request, kLibrariesDeadline, stop));
    return std::move(reply.words);
  }

  Result<VolumeRoom> MeasureVolume() override {
    KeeperRequest request;
    request.op = Op::kMeasureVolume;
    TRY_ASSIGN(const KeeperReply reply, Ask(request, kQuickDeadline));
    if (!reply.room) return Fail(ErrorCode::kUnsupported, "the keeper does not say how full its volume is");
    return *reply.room;
  }

  Result<std::vector<storage::RevisionUsage>> Save(uint32_t number,
                                                   const std::function<bool()>& stop) override {
    KeeperRequest request;
    request.op = Op::kSave;
    request.revision = number;
    return Ask(request, kSaveDeadline, stop).map([](const KeeperReply& reply) {
      return reply.started.revisions;
    });
  }

  Result<std::vector<int64_t>> Mask(const std::vector<engines::MaskRule>& rules, seconds deadline,
                                    const std::function<bool()>& stop) override {
    KeeperRequest request;
    request.op = Op::kMask;
    request.mask = rules;
    return Ask(request, deadline, stop).map([](KeeperReply reply) { return std::move(reply.masked_rows); });
  }

  Result<bool> FinishImage(seconds deadline, const std::function<bool()>& stop) override {
    KeeperRequest request;
    request.op = Op::kFinishImage;
    return Ask(request, deadline, stop).map([](const KeeperReply& reply) { return reply.keeps_settings; });
  }

  Result<storage::SealResult> Seal(const storage::SealRequest& seal,
                                   const ProgressFunction& progress) override {
    KeeperRequest request;
    request.op = Op::kSeal;
    request.seal = seal;
    return Ask(request, kSealDeadline, {}, progress).map([](KeeperReply reply) {
      return std::move(reply.sealed).value_or(storage::SealResult());
    });
  }

  Result<void> CutOff() {
    KeeperRequest request;
    request.op = Op::kCutOff;
    return Ask(request, kCutOffDeadline).map([](const KeeperReply&) {});
  }

  Result<void> Kill(seconds deadline) override {
    AskToEnd();
    // However that went: the signal settles it. A pidfd, so that a reused number cannot be hit.
    ::syscall(SYS_pidfd_send_signal, process_.Get(), SIGKILL, nullptr, 0);
    return WaitUntilGone(deadline);
  }

 private:
  Result<void> Do(Op op) {
    KeeperRequest request;
    request.op = op;
    return Ask(request, kQuickDeadline).map([](const KeeperReply&) {});
  }

  /// None: not within `wait`.
  Result<std::optional<KeeperReply>> NextReply(MessageReader& reader, milliseconds wait) {
    pollfd poll_fd{connection_.Get(), POLLIN, 0};
    if (::poll(&poll_fd, 1, static_cast<int>(wait.count())) <= 0) return std::optional<KeeperReply>();
    auto message = reader.TakePart(connection_.Get());
    if (!message) return Fail(Unheard(std::move(message.error())));
    if (!*message) return std::optional<KeeperReply>();
    TRY_ASSIGN(KeeperReply reply, DecodeReply((*message)->text));
    if (reply.error) return Fail(std::move(*reply.error));
    return std::optional(std::move(reply));
  }

  /// Asks on a new connection. The old one may still carry an answer to something else, and closing it ends
  /// a seal, which goes on only while somebody listens.
  void AskToEnd() {
    connection_.Reset();
    KeeperRequest request;
    request.op = Op::kAbandon;
    const auto connection = ConnectToKeeper(directory_);
    if (!connection || !SendMessage(connection->Get(), EncodeRequest(request))) return;
    pollfd end{process_.Get(), POLLIN, 0};
    ::poll(&end, 1, static_cast<int>(milliseconds(kAbandonDeadline).count()));
  }

  /// Why there is no reply: the keeper's own words where it has ended.
  Error Unheard(Error error) const {
    if (error.code != ErrorCode::kUnavailable) return error;
    return LastWords(directory_, "the keeper ended unexpectedly");
  }

  /// The process, then every process of its container.
  Result<void> WaitUntilGone(seconds deadline) {
    pollfd poll_fd{process_.Get(), POLLIN, 0};
    if (::poll(&poll_fd, 1, static_cast<int>(milliseconds(deadline).count())) <= 0) {
      return Fail(ErrorCode::kTimeout, "a keeper does not end, not even on SIGKILL");
    }
    return ContainerLock::AwaitRelease(directory_, deadline);
  }

  std::string directory_;
  UniqueFd connection_;
  UniqueFd process_;  ///< pidfd of the keeper
  KeeperStarted started_;
};

/// The keeper cannot look for itself: the file is a link to anywhere on many machines. None: no names.
std::string NameServers() {
  return TextOfFile("/etc/resolv.conf");
}

/// The process at the other end of a connection: by a pidfd of the kernel's (since Linux 6.5, socket(7)),
/// else by its number, which may be another's by the time it is opened.
Result<UniqueFd> ProcessBehind(int connection_fd, pid_t pid) {
  constexpr int kPeerPidfd = 77;  // SO_PEERPIDFD, which Debian 12's headers do not have
  int peer = -1;
  socklen_t length = sizeof peer;
  if (::getsockopt(connection_fd, SOL_SOCKET, kPeerPidfd, &peer, &length) == 0) return UniqueFd(peer);
  UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process.Valid()) return FailErrno(errno, "cannot open the process of a keeper");
  return process;
}

/// Not valid where the engine gets none.
Result<UniqueFd> OpenControlGroup(const std::string& directory) {
  if (directory.empty()) return UniqueFd();
  UniqueFd group(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!group.Valid()) return FailErrno(errno, "cannot open the control group '" + directory + "'");
  return group;
}

/// Does not ask it anything: it may be busy, or not go on at all.
Result<std::unique_ptr<Client>> FindKeeper(const std::string& directory) {
  TRY_ASSIGN(UniqueFd connection, ConnectToKeeper(directory));
  // The credentials of whoever called listen on the socket: the keeper itself.
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(connection.Get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
    return FailErrno(errno, "cannot identify the keeper in '" + directory + "'");
  }
  auto process = ProcessBehind(connection.Get(), peer.pid);
  if (!process) return Fail(ErrorCode::kUnavailable, process.error().message);
  return std::make_unique<Client>(directory, std::move(connection), KeeperStarted{.pid = peer.pid},
                                  std::move(*process));
}

}  // namespace

Result<std::unique_ptr<KeeperClient>> KeeperClient::Launch(KeeperLauncher& launcher, const KeeperSpec& spec,
                                                           seconds deadline,
                                                           const std::function<bool()>& stop) {
  return Launch(launcher, spec, {.deadline = deadline, .stop = stop});
}

Result<std::unique_ptr<KeeperClient>> KeeperClient::Launch(KeeperLauncher& launcher, const KeeperSpec& spec,
                                                           const LaunchTerms& terms) {
  KeeperRequest request;
  request.op = Op::kStart;
  request.spec = spec;
  if (spec.host_network) request.spec->name_servers = NameServers();
  request.launched_at_microseconds = MonotonicNanoseconds() / 1000;
  request.deadline_seconds = terms.deadline.count();
  // The keeper does not see the host's files; an installation may be anywhere among them.
  TRY_ASSIGN(const UniqueFd engine_tree, CloneInstallation(spec.installation.root));
  TRY_ASSIGN(const UniqueFd group, OpenControlGroup(spec.control_group));
  TRY_ASSIGN(ForkedKeeper forked, launcher.ForkKeeper(spec.directory, spec.id));
  auto client = std::make_unique<Client>(spec.directory, std::move(forked.connection),
                                         KeeperStarted{.pid = forked.pid}, std::move(forked.process));
  std::vector<int> along{engine_tree.Get(), group.Get()};
  const std::vector<int> door = terms.door ? terms.door->Descriptors() : std::vector<int>();
  along.insert(along.end(), door.begin(), door.end());
  request.door_descriptors = door.size();
  auto sent = client->Send(request, along);
  auto ready = sent ? client->AwaitStart(terms) : Result<bool>(Fail(std::move(sent.error())));
  if (!ready) {
    Error error = std::move(ready.error());
    auto killed = client->Kill(kQuickDeadline);
    if (!killed) error.message += " (and " + killed.error().message + ")";
    return Fail(std::move(error));
  }
  if (!*ready) client->NoteStarting();
  return std::unique_ptr<KeeperClient>(std::move(client));
}

Result<std::unique_ptr<KeeperClient>> KeeperClient::Attach(const std::string& directory) {
  TRY_ASSIGN(auto client, FindKeeper(directory));
  KeeperRequest request;
  request.op = Op::kStatus;
  // A keeper that is busy (sealing) answers late; it is there all the same and can be killed.
  auto reply = client->Ask(request, seconds(5));
  if (reply) client->SetStarted(std::move(reply->started));
  if (!reply && reply.error().code == ErrorCode::kUnavailable) return Fail(std::move(reply.error()));
  return std::unique_ptr<KeeperClient>(std::move(client));
}

Result<void> KeeperClient::LetIn(const std::string& directory) {
  TRY_ASSIGN(const auto keeper, FindKeeper(directory));
  return keeper->OpenGate();
}

Result<void> KeeperClient::CutOff(const std::string& directory) {
  TRY_ASSIGN(const auto keeper, FindKeeper(directory));
  TRY(keeper->ShutGate());
  return keeper->CutOff();
}

Result<void> KeeperClient::End(const std::string& directory, seconds deadline) {
  const auto keeper = FindKeeper(directory);
  return keeper ? (*keeper)->Kill(deadline) : ContainerLock::AwaitRelease(directory, deadline);
}

Result<std::optional<Error>> KeeperClient::Stop(const std::string& directory, seconds deadline,
                                                const std::function<Patience()>& patience) {
  const auto keeper = FindKeeper(directory);
  if (!keeper) {
    TRY(ContainerLock::AwaitRelease(directory, kQuickDeadline));
    return std::optional<Error>();
  }
  const auto end = steady_clock::now() + deadline;
  // Its engine has the time but for what comes after it: the keeper's own word is better than a kill.
  TRY(TellToStop((*keeper)->Process(), deadline - kAfterEngine));
  while (true) {
    pollfd process{(*keeper)->Process(), POLLIN, 0};
    if (::poll(&process, 1, static_cast<int>(kStopCheck.count())) > 0) break;
    const Patience now = patience();
    if (now == Patience::kLeave) return Fail(ErrorCode::kCancelled, "the daemon is stopping");
    if (now == Patience::kWait && steady_clock::now() < end) continue;
    TRY((*keeper)->Kill(kKillDeadline));
    if (now == Patience::kKill) return std::optional<Error>();
    return std::optional(Error(ErrorCode::kTimeout, "it did not stop within " +
                                                        std::to_string(deadline.count()) +
                                                        " s and was killed: its next start recovers"));
  }
  TRY(ContainerLock::AwaitRelease(directory, kKillDeadline));
  const Error words = LastWords(directory, "");
  return words.message.empty() ? std::optional<Error>() : std::optional(words);
}

Error LastWords(const std::string& directory, std::string_view otherwise) {
  auto words = DecodeReply(TextOfFile(directory + "/" + kLastWordsName));
  if (words && words->error) return std::move(*words->error);
  return {ErrorCode::kUnavailable, std::string(otherwise)};
}

}  // namespace spawnd::daemon
