#include "daemon/tools/tool_runner.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <optional>
#include <utility>

#include "base/descriptors.h"
#include "daemon/tools/tool_log.h"
#include "engines/unpack/unpacked_file.h"

namespace spawnd::daemon {
namespace {

/// Bounds one read of the backup, which is what it unpacks to.
constexpr size_t kReadBytes = 32 * 1024;
/// What one read takes from a pipe: as much as a pipe holds (pipe(7)), and no more, so that one chatty stream
/// cannot starve the others.
constexpr size_t kDrainBytes = 64 * 1024;

/// A write to a tool that has ended must be an error code; blocks SIGPIPE for this thread and eats what came.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigemptyset(&pipe_only_);
    sigaddset(&pipe_only_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only_, &before_);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;
  ~NoSigpipe() {
    constexpr timespec kAtOnce{0, 0};
    while (::sigtimedwait(&pipe_only_, nullptr, &kAtOnce) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_only_{};
  sigset_t before_{};
};

Result<UniqueFd> Duplicate(int fd) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!copy.Valid()) return FailErrno(errno, "cannot hand on a descriptor");
  return copy;
}

/// Cuts a stream into lines of bounded length.
class LineCutter {
 public:
  explicit LineCutter(size_t limit) : limit_(limit) {}

  template <typename OnLine>
  Result<void> Feed(std::string_view bytes, OnLine on_line) {
    while (!bytes.empty()) {
      const size_t end = bytes.find('\n');
      const std::string_view part = bytes.substr(0, end);
      line_.append(part.substr(0, limit_ - std::min(limit_, line_.size())));
      if (end == std::string_view::npos) return {};
      bytes.remove_prefix(end + 1);
      TRY(Finish(on_line));
    }
    return {};
  }

  /// What stands after the last newline is a line too, unless it is empty.
  template <typename OnLine>
  Result<void> End(OnLine on_line) {
    if (line_.empty()) return {};
    return Finish(on_line);
  }

 private:
  template <typename OnLine>
  Result<void> Finish(OnLine on_line) {
    if (!line_.empty() && line_.back() == '\r') line_.pop_back();
    const std::string line = std::exchange(line_, {});
    return on_line(line);
  }

  const size_t limit_;
  std::string line_;
};

/// The backup, unpacked, through the session's filter, one read ahead: the filter is told which bytes are the
/// last.
class BackupInput {
 public:
  BackupInput(const ToolRun& run, engines::RestoreSession& session)
      : run_(run),
        session_(session),
        file_(run.backup_fd, run.backup_name, run.step->packing, run.unpack_limit) {
    struct stat st {};
    if (::fstat(run.backup_fd, &st) == 0) total_ = static_cast<uint64_t>(st.st_size);
  }

  /// The next bytes for the tool; empty and Finished() at the end.
  Result<std::string> Next() {
    if (!started_) TRY(ReadAhead());
    started_ = true;
    const std::string bytes = std::exchange(ahead_, {});
    done_ = ahead_at_;
    if (!bytes.empty()) TRY(ReadAhead());
    finished_ = ahead_.empty();
    TRY_ASSIGN(std::string filtered, session_.FilterInput(bytes, finished_));
    if (run_.progress) run_.progress(done_, std::max(total_, done_));
    return filtered;
  }
  bool Finished() const { return finished_; }
  /// Of the file, as it is.
  uint64_t Done() const { return done_; }

 private:
  Result<void> ReadAhead() {
    TRY_ASSIGN(ahead_, file_.Read(kReadBytes));
    ahead_at_ = file_.PackedBytes();
    return {};
  }

  const ToolRun& run_;
  engines::RestoreSession& session_;
  engines::UnpackedFile file_;
  std::string ahead_;
  uint64_t ahead_at_ = 0;  ///< in the file, where it ends
  bool started_ = false;
  bool finished_ = false;
  uint64_t done_ = 0;
  uint64_t total_ = 0;
};

/// How long a tool that was killed may take to be gone: one that waits for a disk is killed afterwards.
constexpr std::chrono::seconds kEndDeadline{20};

/// A running tool: its pipes, its leash. Whatever happens, the destructor leaves no process behind.
class Tool {
 public:
  Tool(ToolRun& run, std::stop_token stop)
      : run_(run),
        session_(*run.step->session),
        log_(run.log_path, run.limits.log_bytes),
        lines_(run.limits.message_bytes),
        input_(run, session_),
        stop_(std::move(stop)) {}
  Tool(const Tool&) = delete;
  Tool& operator=(const Tool&) = delete;
  ~Tool() {
    // On the way out with another error.
    [[maybe_unused]] const bool ended = End().has_value();
  }

  Result<void> Start();
  /// Moves bytes until the tool has ended and everything it said is read.
  Result<void> Converse();
  /// Kills the tool if it still runs, and what it left behind. Returns the exit code, or why it was never
  /// started.
  Result<int> End();
  /// The verdict on a tool that ended by itself.
  Result<void> Judge(int exit_code);

 private:
  enum Slot : size_t { kStdin, kStdout, kStderr, kExit, kStop, kSlots };

  Result<ProgramOrder> Order(ProgramDescriptors& descriptors);
  Result<void> WaitForEvent(std::array<pollfd, kSlots>& fds) const;
  Result<void> FeedInput();
  Result<void> DrainStderr();
  void DrainStdout();
  /// Empty at the end of the pipe or when it has nothing now.
  std::string ReadSome(UniqueFd& fd) const;

  ToolRun& run_;
  engines::RestoreSession& session_;
  ToolLog log_;
  LineCutter lines_;
  BackupInput input_;
  const std::stop_token stop_;

  UniqueFd leash_;
  UniqueFd stop_fd_;
  UniqueFd stdin_;
  UniqueFd stdout_;
  UniqueFd stderr_;
  std::string pending_;  ///< filtered, not yet taken by the tool
  size_t pending_at_ = 0;
  bool refused_input_ = false;
};

Result<void> Tool::Start() {
  stop_fd_.Reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_fd_.Valid()) return FailErrno(errno, "cannot make an event descriptor");
  TRY_ASSIGN(Pipe input, MakePipe());
  TRY_ASSIGN(Pipe output, MakePipe());
  TRY_ASSIGN(Pipe messages, MakePipe());

  TRY_ASSIGN(SocketPair leash, MakeSocketPair(SOCK_SEQPACKET));
  ProgramDescriptors descriptors;
  descriptors.leash = std::move(leash.theirs);
  if (run_.step->reads == engines::ToolReads::kInput) {
    stdin_ = std::move(input.write_end);
    descriptors.input = std::move(input.read_end);
    TRY(SetNonBlocking(stdin_.Get()));
  }
  descriptors.output = std::move(output.write_end);
  if (run_.stdout_fd >= 0) {
    TRY_ASSIGN(descriptors.output, Duplicate(run_.stdout_fd));
  }
  descriptors.messages = std::move(messages.write_end);
  stdout_ = std::move(output.read_end);
  stderr_ = std::move(messages.read_end);
  TRY(SetNonBlocking(stdout_.Get()));
  TRY(SetNonBlocking(stderr_.Get()));
  TRY_ASSIGN(ProgramOrder order, Order(descriptors));
  TRY(run_.start(std::move(order), std::move(descriptors)));
  leash_ = std::move(leash.ours);
  return run_.started ? run_.started() : Result<void>();
}

Result<ProgramOrder> Tool::Order(ProgramDescriptors& descriptors) {
  const engines::RestoreStep& step = *run_.step;
  ProgramOrder order;
  order.command = step.command;
  order.is_tool = true;
  order.identity = run_.caller;
  if (step.reads == engines::ToolReads::kBackup || step.reads == engines::ToolReads::kLogs) {
    if (run_.backup_fd >= 0) {
      TRY_ASSIGN(descriptors.file, Duplicate(run_.backup_fd));
    }
    descriptors.folder = std::move(run_.backup_folder);
    // The files of others in root's folders.
    order.reads_any_file = run_.reads_any_file;
  }
  if (step.is_our_program) {
    const std::string& path = step.command.argv.front();
    descriptors.file.Reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!descriptors.file.Valid()) return FailErrno(errno, "cannot open '" + path + "'");
    order.command.argv.front() = engines::kBackupFile;
  }
  return order;
}

Result<void> Tool::WaitForEvent(std::array<pollfd, kSlots>& fds) const {
  while (true) {
    if (stop_.stop_requested()) return Fail(ErrorCode::kCancelled, run_.step->title + ": cancelled");
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(run_.deadline -
                                                                            std::chrono::steady_clock::now());
    if (left.count() <= 0) return Fail(ErrorCode::kTimeout, run_.step->title + ": the deadline passed");
    // In slices, because poll counts in an int.
    const int wait = static_cast<int>(std::min<int64_t>(left.count(), 60'000));
    const int ready = ::poll(fds.data(), fds.size(), wait);
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR)
      return FailErrno(errno, "cannot wait for '" + run_.step->command.argv[0] + "'");
  }
}

Result<void> Tool::Converse() {
  const std::stop_callback wake(stop_, [this] {
    constexpr uint64_t kOne = 1;
    // Cannot fail short of 2^64 stops; the flag itself is what counts.
    [[maybe_unused]] const ssize_t n = ::write(stop_fd_.Get(), &kOne, sizeof kOne);
  });
  while (true) {
    // poll passes over descriptors below zero.
    std::array<pollfd, kSlots> fds{{{stdin_.Get(), POLLOUT, 0},
                                    {stdout_.Get(), POLLIN, 0},
                                    {stderr_.Get(), POLLIN, 0},
                                    {leash_.Get(), POLLIN, 0},
                                    {stop_fd_.Get(), POLLIN, 0}}};
    TRY(WaitForEvent(fds));
    // Messages first: what the tool said comes before the fact that it does not listen any more.
    if (fds[kStderr].revents != 0) TRY(DrainStderr());
    if (fds[kStdout].revents != 0) DrainStdout();
    if (fds[kStdin].revents != 0) TRY(FeedInput());
    if (fds[kExit].revents != 0) break;
  }
  stdin_.Reset();
  // The tool's last words are in the pipes, and one read takes all that a pipe holds. Not until their end: a
  // process that the tool left behind may hold the other ends and go on writing.
  DrainStdout();
  TRY(DrainStderr());
  return lines_.End([this](std::string_view line) { return session_.OnToolMessage(line); });
}

Result<void> Tool::FeedInput() {
  if (pending_at_ == pending_.size()) {
    if (input_.Finished()) {
      stdin_.Reset();
      return {};
    }
    TRY_ASSIGN(pending_, input_.Next());
    pending_at_ = 0;
    if (pending_.empty()) return {};  // the filter keeps it for now; poll comes back at once
  }
  const ssize_t n = ::write(stdin_.Get(), pending_.data() + pending_at_, pending_.size() - pending_at_);
  if (n >= 0) {
    pending_at_ += static_cast<size_t>(n);
  } else if (errno == EPIPE) {
    // Why it stopped reading is for its messages and its exit code to say.
    refused_input_ = true;
    stdin_.Reset();
  } else if (errno != EAGAIN && errno != EINTR) {
    return FailErrno(errno, "cannot write to '" + run_.step->command.argv[0] + "'");
  }
  return {};
}

std::string Tool::ReadSome(UniqueFd& fd) const {
  if (!fd.Valid()) return {};
  std::string bytes(kDrainBytes, '\0');
  ssize_t n = 0;
  do {
    n = ::read(fd.Get(), bytes.data(), bytes.size());
  } while (n < 0 && errno == EINTR);
  if (n == 0 || (n < 0 && errno != EAGAIN)) fd.Reset();
  bytes.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return bytes;
}

Result<void> Tool::DrainStderr() {
  const std::string bytes = ReadSome(stderr_);
  log_.Append(bytes);
  return lines_.Feed(bytes, [this](std::string_view line) { return session_.OnToolMessage(line); });
}

void Tool::DrainStdout() {
  log_.Append(ReadSome(stdout_));
}

Result<int> Tool::End() {
  if (!leash_.Valid()) return 127;
  const UniqueFd leash = std::move(leash_);
  ::shutdown(leash.Get(), SHUT_WR);
  return AwaitProgramEnd(leash.Get(), kEndDeadline);
}

Result<void> Tool::Judge(int exit_code) {
  TRY(session_.OnToolExit(exit_code));
  if (refused_input_ && exit_code != 0) {
    return Fail(ErrorCode::kIo, run_.step->title + ": '" + run_.step->command.argv[0] +
                                    "' ended with exit code " + std::to_string(exit_code) +
                                    " and did not read the backup beyond byte " +
                                    std::to_string(input_.Done()));
  }
  return {};
}

}  // namespace

Result<void> RunTool(ToolRun& run, std::stop_token stop) {
  const NoSigpipe no_sigpipe;
  Tool tool(run, std::move(stop));
  TRY(tool.Start());
  TRY(tool.Converse());
  TRY_ASSIGN(const int exit_code, tool.End());
  return tool.Judge(exit_code);
}

}  // namespace spawnd::daemon
