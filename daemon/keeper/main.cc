#include "daemon/keeper/main.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <optional>
#include <vector>

#include "base/message.h"
#include "daemon/keeper/files.h"
#include "daemon/keeper/keeper.h"
#include "daemon/keeper/protocol.h"
#include "daemon/keeper/stop_signal.h"

namespace spawnd::daemon {
namespace {

using Op = KeeperRequest::Op;

/// How often a poisoned volume is looked for; everything else wakes the loop by itself.
constexpr std::chrono::microseconds kCheck{250'000};
/// How often those who wait for a start that takes long are told what the engine says.
constexpr std::chrono::seconds kStartNews{1};
constexpr size_t kMaxConnections = 32;
constexpr int kBacklog = 64;
constexpr time_t kSendSeconds = 10;

class KeeperLoop {
 public:
  int Run() {
    if (::listen(kControlSocketFd, kBacklog) != 0) return 1;
    AddConnection(UniqueFd(kFirstConnectionFd));
    while (!done_) Turn();
    return exit_code_;
  }

 private:
  void Turn() {
    std::vector<pollfd> fds{
        {kControlSocketFd, POLLIN, 0}, {stop_.Fd(), POLLIN, 0}, {keeper_.EventFd(), POLLIN, 0}};
    for (const UniqueFd& connection : connections_) fds.push_back({connection.Get(), POLLIN, 0});
    const auto pause = keeper_.Starting() ? keeper_.StartCheck() : kCheck;
    const timespec wait{0, pause.count() * 1000};
    if (::ppoll(fds.data(), fds.size(), &wait, nullptr) < 0 && errno != EINTR) {
      return End(Error(ErrorCode::kInternal, "poll failed"));
    }
    // First: a shutdown tells everybody, and an engine that ends for it has not ended by itself.
    if (const auto word = stop_.Heard()) return StopAndExit(*word);
    if (keeper_.Starting()) {
      CheckStart();
      if (done_) return;
    } else if (auto reason = keeper_.Ended()) {
      keeper_.SettleAfterEnd();
      return End(*reason);
    }
    // Backwards, because a closed connection is taken out.
    for (size_t i = connections_.size(); i-- > 0 && !done_;) {
      if (fds[i + 3].revents != 0) Serve(i);
    }
    if (fds[0].revents != 0 && connections_.size() < kMaxConnections) {
      UniqueFd connection(::accept4(kControlSocketFd, nullptr, nullptr, SOCK_CLOEXEC));
      if (connection.Valid()) AddConnection(std::move(connection));
    }
  }

  void AddConnection(UniqueFd connection) {
    // A daemon that asks and does not listen must not keep this loop from seeing how its engine is.
    const timeval patience{kSendSeconds, 0};
    ::setsockopt(connection.Get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    connections_.push_back(std::move(connection));
  }

  void Serve(size_t number) {
    const int fd = connections_[number].Get();
    auto message = ReceiveMessage(fd);
    if (!message) {
      std::erase(await_start_, fd);
      connections_.erase(connections_.begin() + static_cast<ptrdiff_t>(number));
      // The daemon went away, or gave up, before there was a container: nobody would ever find this keeper
      // again.
      if (!started_) End(Error(ErrorCode::kCancelled, "the daemon gave up before the container was ready"));
      return;
    }
    auto request = DecodeRequest(message->text);
    if (!request) return Answer(fd, Failed(request.error()));
    if (const auto reply = CarryOut(*request, fd, std::move(*message))) Answer(fd, *reply);
  }

  void CheckStart() {
    const auto ready = keeper_.CheckStart();
    if (!ready) {
      // Tells them, too.
      static_cast<void>(CannotStart(ready.error()));
      return;
    }
    KeeperReply reply = keeper_.Status();
    const auto now = std::chrono::steady_clock::now();
    if (!*ready) {
      if (now < next_news_) return;
      next_news_ = now + kStartNews;
      reply = {};
      reply.starting = keeper_.LastLine();
    }
    for (const int fd : await_start_) Answer(fd, reply);
    if (*ready) await_start_.clear();
  }

  /// The answer to who waits for a start: later, if it goes on.
  std::optional<KeeperReply> AnswerToStart(int fd) {
    if (!keeper_.Starting()) return keeper_.Status();
    await_start_.push_back(fd);
    next_news_ = std::chrono::steady_clock::now() + kStartNews;
    return std::nullopt;
  }

  /// A client that is gone already gets no answer, and that is its own affair.
  static void Answer(int fd, const KeeperReply& reply) {
    auto sent = SendMessage(fd, EncodeReply(reply));
    if (sent || sent.error().code != ErrorCode::kInvalidArgument) return;
    [[maybe_unused]] const bool told =
        SendMessage(fd, EncodeReply(Failed(std::move(sent.error())))).has_value();
  }

  static KeeperReply Failed(Error error) {
    KeeperReply reply;
    reply.error = std::move(error);
    return reply;
  }

  template <typename T>
  static KeeperReply ReplyFor(const Result<T>& result) {
    return result ? KeeperReply{} : Failed(result.error());
  }

  template <typename T>
  static KeeperReply ReplyWith(Result<T> result, T KeeperReply::*place) {
    KeeperReply reply = ReplyFor(result);
    if (result) reply.*place = std::move(*result);
    return reply;
  }

  /// None: it is answered later.
  std::optional<KeeperReply> CarryOut(const KeeperRequest& request, int fd, Message message) {
    switch (request.op) {
      case Op::kStart:
        return Start(request, fd, std::move(message.descriptors));
      case Op::kAwaitStart:
        return AnswerToStart(fd);
      case Op::kStatus:
        return keeper_.Status();
      case Op::kSpec:
        return KeeperReply{.spec = keeper_.Spec()};
      case Op::kCreateDatabase:
        return ReplyFor(keeper_.CreateDatabase(request.database));
      case Op::kUserDatabases:
        return ReplyWith(keeper_.UserDatabases(), &KeeperReply::databases);
      case Op::kUsedLibraries:
        return ReplyWith(keeper_.UsedLibraries(), &KeeperReply::libraries);
      case Op::kKeepsAwake:
        return ReplyWith(keeper_.KeepsAwake(), &KeeperReply::words);
      case Op::kMeasureVolume:
        return MeasureVolume();
      case Op::kRunCommand:
        return RunCommand(request, std::move(message));
      case Op::kStartTool:
        return StartTool(request, std::move(message));
      case Op::kStartEngine:
        return StartEngine(request, fd);
      case Op::kDoor:
        return SendDoor(fd);
      case Op::kOpenGate:
        return ReplyFor(keeper_.OpenGate());
      case Op::kShutGate:
        return ShutGate();
      case Op::kSave:
        return Save(request);
      case Op::kMask:
        return ReplyWith(keeper_.Mask(request.mask), &KeeperReply::masked_rows);
      case Op::kFinishImage:
        return ReplyWith(keeper_.FinishImage(), &KeeperReply::keeps_settings);
      case Op::kSeal:
        return Seal(request, fd);
      case Op::kAbandon:
        return Abandon();
      case Op::kCutOff:
        return ReplyFor(keeper_.CutOff());
      case Op::kUnknown:
        break;
    }
    return Failed(Error(ErrorCode::kUnsupported, "unknown request"));
  }

  KeeperReply ShutGate() {
    keeper_.ShutGate();
    return {};
  }

  KeeperReply Abandon() {
    keeper_.Abandon();
    done_ = true;
    return {};
  }

  KeeperReply Save(const KeeperRequest& request) {
    auto saved = keeper_.Save(request.revision);
    return saved ? keeper_.Status() : Failed(saved.error());
  }

  KeeperReply MeasureVolume() {
    const auto room = keeper_.MeasureVolume();
    KeeperReply reply = ReplyFor(room);
    if (room) reply.room = *room;
    return reply;
  }

  KeeperReply RunCommand(const KeeperRequest& request, Message message) {
    UniqueFd input;
    if (!message.descriptors.empty()) input = std::move(message.descriptors.front());
    auto outcome = keeper_.RunCommand(request.command.value_or(engines::Command()), std::move(input));
    KeeperReply reply = ReplyFor(outcome);
    if (outcome) reply.outcome = std::move(*outcome);
    return reply;
  }

  KeeperReply StartTool(const KeeperRequest& request, Message message) {
    const ProgramOrder order = request.tool.value_or(ProgramOrder());
    auto descriptors = TakeDescriptors(order, message);
    return descriptors ? ReplyFor(keeper_.StartTool(order, std::move(*descriptors)))
                       : Failed(descriptors.error());
  }

  std::optional<KeeperReply> SendDoor(int fd) {
    const Door* door = keeper_.TheDoor();
    if (door == nullptr) return Failed(Error(ErrorCode::kNotFound, "the container has no door"));
    static_cast<void>(SendMessage(fd, EncodeReply({}), door->Descriptors()).has_value());
    return std::nullopt;
  }

  std::optional<KeeperReply> Start(const KeeperRequest& request, int fd, std::vector<UniqueFd> descriptors) {
    std::vector<UniqueFd> door;
    while (door.size() < request.door_descriptors && !descriptors.empty()) {
      door.push_back(std::move(descriptors.back()));
      descriptors.pop_back();
    }
    descriptors.resize(2);
    if (started_) return Failed(Error(ErrorCode::kAlreadyExists, "this keeper has a container already"));
    if (request.spec) directory_ = request.spec->directory;
    const auto begun =
        keeper_.Start(request, std::move(descriptors[0]), std::move(descriptors[1]), std::move(door));
    started_ = true;
    return begun ? AnswerToStart(fd) : CannotStart(begun.error());
  }

  std::optional<KeeperReply> StartEngine(const KeeperRequest& request, int fd) {
    const auto begun = keeper_.StartEngine(std::chrono::seconds(request.deadline_seconds));
    return begun ? AnswerToStart(fd) : CannotStart(begun.error());
  }

  KeeperReply CannotStart(const Error& error) {
    const Error reason = keeper_.Poisoned().value_or(error);
    // Tidily, so that the kernel has no lost writes to complain about; then the process ends.
    keeper_.GiveUp();
    End(reason);
    return Failed(reason);
  }

  KeeperReply Seal(const KeeperRequest& request, int fd) {
    auto sealed = keeper_.Seal(
        request.seal.value_or(storage::SealRequest()), [fd](const storage::SealProgress& progress) {
          KeeperReply reply;
          reply.progress = progress;
          return SendMessage(fd, EncodeReply(reply)).has_value();  // nobody listens any more: cancel
        });
    KeeperReply reply = ReplyFor(sealed);
    if (sealed) reply.sealed = std::move(*sealed);
    return reply;
  }

  void StopAndExit(const StopSignal::Word& word) {
    auto stopped = keeper_.Stop(word);
    if (!stopped) return End(stopped.error());
    done_ = true;
  }

  /// Leaves the reason where the daemon finds it (LastWords), and ends the process. It is said to whoever
  /// listens as well: the disk may be the reason, and then a file on it comes to nothing.
  void End(const Error& reason) {
    const KeeperReply reply = Failed(reason);
    for (const UniqueFd& connection : connections_) Answer(connection.Get(), reply);
    if (!directory_.empty()) std::ofstream(directory_ + "/" + kLastWordsName) << EncodeReply(reply);
    done_ = true;
    exit_code_ = 1;
  }

  StopSignal stop_;
  Keeper keeper_{stop_};
  std::vector<UniqueFd> connections_;
  std::vector<int> await_start_;  ///< those of them that are told how the start goes
  std::chrono::steady_clock::time_point next_news_;
  std::string directory_;
  bool started_ = false;
  bool done_ = false;
  int exit_code_ = 0;
};

}  // namespace

int KeeperMain(int argc, char** argv) {
  struct stat st {};
  if (argc < 3 || ::fstat(kControlSocketFd, &st) != 0 || !S_ISSOCK(st.st_mode)) {
    std::fputs("error: 'spawnd keeper' is started by the daemon, not by hand\n", stderr);
    return 64;
  }
  ::prctl(PR_SET_NAME, ("keeper-" + std::string(argv[2])).c_str());
  ::signal(SIGPIPE, SIG_IGN);
  ::umask(0077);
  const int exit_code = KeeperLoop().Run();
  // Not through the destructors of FUSE and its threads: what had to be durable is, and the kernel takes down
  // the rest.
  ::_exit(exit_code);
}

}  // namespace spawnd::daemon
