#include "client/fetch/tool.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <utility>
#include <vector>

#include "base/descriptors.h"
#include "base/process.h"
#include "base/text.h"
#include "client/fetch/private_folder.h"
#include "client/fetch/secret.h"
#include "client/output/text.h"

extern char** environ;

namespace spawnd::client {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTick{200};
/// From SIGTERM to SIGKILL: a tool takes back what it has begun on the server.
constexpr std::chrono::seconds kGrace{5};
constexpr size_t kMaxWarnings = 20;
constexpr size_t kMaxShownWord = 600;

std::vector<std::string> EnvironmentOf(const ToolOrder& order) {
  std::vector<std::string> environment;
  const auto& own = order.command.environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view line(*entry);
    const std::string_view name = line.substr(0, line.find('='));
    const bool replaced =
        std::any_of(own.begin(), own.end(), [&](const auto& one) { return one.first == name; });
    if (!replaced && (order.hidden_variable.empty() || name != order.hidden_variable))
      environment.emplace_back(line);
  }
  for (const auto& [name, value] : own) environment.push_back(fmt::format("{}={}", name, value));
  return environment;
}

/// Whether the user should hear of this line although all went well.
bool IsWarning(std::string_view line) {
  return LowerCase(line.substr(0, kMaxShownWord)).find("warning") != std::string::npos;
}

/// A running tool.
class Run {
 public:
  Run(const ToolOrder& order, const FetchSurroundings& surroundings) : order_(order), around_(surroundings) {}
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() {
    if (pid_ > 0 && !ended_) Collect();
  }

  Result<ToolEnd> Finish() {
    TRY(Start());
    while (!ended_) {
      TRY(Wait());
      Show();
    }
    Drain();
    end_.bytes = Bytes();
    if (end_.signal != 0) return std::move(end_);
    if (late_) {
      return Fail(
          ErrorCode::kUnavailable,
          fmt::format("{}: no answer within {} s", order_.command.title, order_.command.deadline_seconds),
          "Is it the right host and port, and does a firewall let connections through?");
    }
    const std::string said = words_ + (end_.answer.empty() ? "" : "\n" + end_.answer);
    if (exit_code_ != 0) return Fail(ToolFailed(order_.command, said, end_.bytes, exit_code_, order_.folder));
    for (const std::string& warning : warnings_) around_.display.Show({{}, 0, 0, warning});
    return std::move(end_);
  }

 private:
  Result<void> Start() {
    const api::FetchCommand& command = order_.command;
    const std::string program = FindTool(command.programs);
    if (program.empty()) {
      const std::string name = command.programs.empty() ? "" : BaseName(command.programs.back());
      return Fail(ErrorCode::kUnsupported, fmt::format("{}: {} is not installed", command.title, name),
                  command.install_hint);
    }
    SpawnOptions options;
    options.argv = {program};
    options.argv.insert(options.argv.end(), command.arguments.begin(), command.arguments.end());
    options.env = EnvironmentOf(order_);
    options.working_directory = order_.folder;
    // The terminal's ctrl-C does not reach it: it is ended here, with all that it has started.
    options.new_session = true;
    options.limits = {{RLIMIT_CORE, 0, 0}};
    UniqueFd secret;
    if (!command.secret.as.empty() && order_.secret) {
      TRY_ASSIGN(secret, SecretFile(command.secret, *order_.secret));
      (command.secret.as == "input" ? options.stdin_fd : options.fourth_fd) = secret.Get();
    }
    TRY_ASSIGN(Pipe words, MakePipe());
    TRY_ASSIGN(Pipe answer, MakePipe());
    options.stderr_fd = words.write_end.Get();
    if (command.output == "answer") options.stdout_fd = answer.write_end.Get();
    if (command.output == "backup") options.stdout_fd = order_.backup_fd;
    auto pid = Spawn(options);
    if (!pid) return Fail(pid.error().Wrap(command.title));
    pid_ = *pid;
    process_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    words_fd_ = std::move(words.read_end);
    answer_fd_ = std::move(answer.read_end);
    started_ = Clock::now();
    for (const int fd : {words_fd_.Get(), answer_fd_.Get()}) TRY(SetNonBlocking(fd));
    if (!process_.Valid()) return FailErrno(errno, "cannot watch a tool");
    return {};
  }

  Result<void> Wait() {
    std::array<pollfd, 4> fds{{{words_fd_.Get(), POLLIN, 0},
                               {answer_fd_.Get(), POLLIN, 0},
                               {around_.signals.Fd(), POLLIN, 0},
                               {process_.Get(), POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), static_cast<int>(kTick.count())) < 0 && errno != EINTR) {
      return FailErrno(errno, "cannot wait for a tool");
    }
    Drain();
    if (fds[2].revents != 0) {
      const int signal = around_.signals.Next().number;
      if (signal != 0 && end_.signal == 0) end_.signal = signal;
      if (signal != 0) End();
    }
    const auto now = Clock::now();
    const std::chrono::seconds deadline(order_.command.deadline_seconds);
    if (deadline.count() > 0 && !late_ && now - started_ >= deadline) {
      late_ = true;
      End();
    }
    if (asked_to_end_ && now - *asked_to_end_ >= kGrace) ::kill(-pid_, SIGKILL);
    if (fds[3].revents != 0) Collect();
    return {};
  }

  void End() {
    if (!asked_to_end_) asked_to_end_ = Clock::now();
    ::kill(-pid_, SIGTERM);
  }

  void Collect() {
    // What it has started and not ended does not go on by itself.
    ::kill(-pid_, SIGKILL);
    exit_code_ = WaitForExit(pid_);
    ended_ = true;
  }

  void Drain() {
    Read(words_fd_, [this](std::string_view bytes) { Hear(bytes); });
    Read(answer_fd_, [this](std::string_view bytes) {
      end_.answer.append(bytes.substr(0, kMaxAnswer - std::min(kMaxAnswer, end_.answer.size())));
    });
  }

  template <typename Take>
  static void Read(UniqueFd& fd, const Take& take) {
    std::array<char, 16384> buffer{};
    while (fd.Valid()) {
      const ssize_t n = ::read(fd.Get(), buffer.data(), buffer.size());
      if (n > 0) {
        take(std::string_view(buffer.data(), static_cast<size_t>(n)));
      } else if (n == 0) {
        fd.Reset();
      } else if (errno != EINTR) {
        return;
      }
    }
  }

  void Hear(std::string_view bytes) {
    words_ += bytes;
    line_ += bytes;
    if (words_.size() > kMaxToolWords) words_.erase(0, words_.size() - kMaxToolWords);
    for (size_t end = line_.find('\n'); end != std::string::npos; end = line_.find('\n')) {
      const std::string line = line_.substr(0, std::min(end, kMaxShownWord));
      line_.erase(0, end + 1);
      if (warnings_.size() < kMaxWarnings && IsWarning(line)) warnings_.push_back(line);
    }
    if (line_.size() > kMaxToolWords) line_.clear();
  }

  int64_t Bytes() const {
    if (!order_.command.grows.empty()) return PrivateFolder::BytesIn(order_.command.grows);
    struct stat st {};
    const bool backup = order_.command.output == "backup" && ::fstat(order_.backup_fd, &st) == 0;
    return backup ? st.st_size : 0;
  }

  void Show() {
    around_.display.Show({order_.command.title, Bytes(), order_.command.expected_bytes, {}});
    around_.display.Tick();
  }

  const ToolOrder& order_;
  const FetchSurroundings& around_;
  pid_t pid_ = -1;
  UniqueFd process_;
  UniqueFd words_fd_;
  UniqueFd answer_fd_;
  Clock::time_point started_;
  std::optional<Clock::time_point> asked_to_end_;
  std::string words_;
  std::string line_;  ///< of `words_`, what has no end yet
  std::vector<std::string> warnings_;
  ToolEnd end_;
  int exit_code_ = 0;
  bool ended_ = false;
  bool late_ = false;
};

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (end > begin) lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

/// The last line with one of the words that a cause comes with; else the last of all.
std::string CauseIn(const std::vector<std::string>& lines) {
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    const std::string lower = LowerCase(*line);
    for (const char* word : {"error", "fatal", "failed", "denied"}) {
      if (lower.find(word) != std::string::npos) return *line;
    }
  }
  return lines.empty() ? std::string() : lines.back();
}

}  // namespace

std::string FindTool(const std::vector<std::string>& programs) {
  const char* named = std::getenv("PATH");
  const std::string path = named != nullptr ? named : "/usr/bin:/bin";
  for (const std::string& program : programs) {
    if (program.find('/') != std::string::npos) {
      if (::access(program.c_str(), X_OK) == 0) return program;
      continue;
    }
    for (size_t begin = 0; begin <= path.size();) {
      const size_t end = std::min(path.find(':', begin), path.size());
      const std::string candidate = path.substr(begin, end - begin) + "/" + program;
      if (end > begin && ::access(candidate.c_str(), X_OK) == 0) return candidate;
      begin = end + 1;
    }
  }
  return {};
}

Error ToolFailed(const api::FetchCommand& command, const std::string& said, int64_t bytes, int exit_code,
                 const std::string& folder) {
  const std::vector<std::string> lines = LinesOf(said);
  Error error(ErrorCode::kIo, CauseIn(lines));
  const auto line_with = [&](std::string_view words) -> const std::string* {
    const std::string wanted = LowerCase(words);
    const auto found = std::find_if(lines.begin(), lines.end(), [&](const std::string& line) {
      return LowerCase(line).find(wanted) != std::string::npos;
    });
    return found == lines.end() ? nullptr : &*found;
  };
  for (const char* const full : {"no space left on device", "errno 28", "disk quota exceeded"}) {
    if (const std::string* line = line_with(full)) {
      error = {ErrorCode::kNoSpace, *line,
               fmt::format("What is fetched goes to '{}'; TMPDIR names another place.", folder)};
    }
  }
  for (const api::FetchFailure& failure : command.failures) {
    if (error.code == ErrorCode::kNoSpace) break;
    if (const std::string* line = line_with(failure.words)) {
      error = {ErrorCodeFromName(failure.code), *line, failure.hint};
      break;
    }
  }
  if (error.message.empty()) error.message = fmt::format("it ended with exit code {} and no word", exit_code);
  error.message.resize(std::min(error.message.size(), kMaxShownWord));
  error.message = fmt::format("{}: {}", command.title, error.message);
  if (bytes > 0) error.message += fmt::format(" (after {})", FormatBytes(bytes));
  return error;
}

Result<ToolEnd> RunTool(const ToolOrder& order, const FetchSurroundings& surroundings) {
  Run run(order, surroundings);
  return run.Finish();
}

}  // namespace spawnd::client
