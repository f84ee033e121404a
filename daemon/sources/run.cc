#include "daemon/sources/run.h"

#include <boost/filesystem/directory.hpp>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/descriptors.h"
#include "base/file.h"
#include "base/process.h"

namespace spawnd::daemon {
namespace {

constexpr std::chrono::minutes kLongestRemoval{30};
constexpr int kTimesRead = 64;  ///< pieces of output in a row, before the loop has its turn

struct ProcessTimes {
  pid_t session = 0;
  uint64_t started = 0;  ///< ticks since the boot; 0: there is no such process
};

/// Fields 6 and 22 of proc(5)'s stat. The name, in parentheses, may have anything in it.
ProcessTimes TimesOf(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  const size_t end = line.rfind(')');
  ProcessTimes times;
  if (end == std::string::npos) return times;
  std::istringstream fields(line.substr(end + 1));
  std::string field;
  for (int number = 3; number <= 22 && fields >> field; ++number) {
    if (number == 6) times.session = static_cast<pid_t>(std::strtol(field.c_str(), nullptr, 10));
    if (number == 22) times.started = std::strtoull(field.c_str(), nullptr, 10);
  }
  return times;
}

std::string BootId() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

std::vector<std::string> EnvironmentOf(const RunOrder& order) {
  return {"PATH=/usr/local/bin:/usr/bin:/bin",
          "LANG=C.UTF-8",
          "HOME=" + (order.account.home.empty() ? "/" : order.account.home),
          "SHELL=" + (order.account.shell.empty() ? "/bin/sh" : order.account.shell),
          "USER=" + order.account.name,
          "LOGNAME=" + order.account.name,
          "TMPDIR=" + order.temporary_folder,
          "SPAWNCTL_API_ENDPOINT=" + order.endpoint};
}

/// Root's until it is the owner's: nobody puts anything else in its place, which lies in a folder of root's.
Result<void> MakeFolder(const std::string& path, const User& account) {
  if (::mkdir(path.c_str(), 0700) != 0) return FailErrno(errno, "cannot make '" + path + "'");
  if (::lchown(path.c_str(), account.uid, account.gid) != 0)
    return FailErrno(errno, "cannot give '" + path + "' to its user");
  return {};
}

/// Why nothing could be started, in the user's words.
Error Explain(const RunOrder& order, Error error) {
  struct stat st {};
  if (::stat(order.folder.c_str(), &st) != 0 && errno == ENOENT) {
    return {ErrorCode::kNotFound, "the folder of its YAML, '" + order.folder + "', is not there any more",
            "`spawnctl update data-source <name> --file <file>` takes it from elsewhere."};
  }
  if (error.code == ErrorCode::kForbidden) {
    return {ErrorCode::kForbidden, "its owner cannot open the folder of its YAML, '" + order.folder + "'"};
  }
  return error;
}

}  // namespace

Run::Run(pid_t pid, UniqueFd process_fd, UniqueFd output, RunLog log, std::function<void(RunEnd)> ended)
    : pid_(pid),
      process_(BootId() + " " + std::to_string(pid) + " " + std::to_string(TimesOf(pid).started)),
      process_fd_(std::move(process_fd)),
      output_(std::move(output)),
      log_(std::move(log)),
      ended_(std::move(ended)) {}

Run::~Run() {
  if (pid_ <= 0) return;
  Kill();
  WaitForExit(pid_);
}

Result<std::unique_ptr<Run>> Run::Start(uv_loop_t* loop, const RunOrder& order, RunLog log,
                                        std::function<void(RunEnd)> ended) {
  TRY_ASSIGN(Pipe pipe, MakePipe());
  if (::fcntl(pipe.read_end.Get(), F_SETFL, O_NONBLOCK) != 0) return FailErrno(errno, "cannot use a pipe");
  TRY(MakeFolder(order.temporary_folder, order.account));
  SpawnOptions options;
  options.argv = {order.program};
  options.argv.insert(options.argv.end(), order.arguments.begin(), order.arguments.end());
  options.env = EnvironmentOf(order);
  options.working_directory = order.folder;
  options.stdout_fd = options.stderr_fd = pipe.write_end.Get();
  options.identity = Identity{order.account.uid, order.account.gid, order.groups};
  options.new_session = true;
  options.limits = {{RLIMIT_CORE, 0, 0}};  // what its tools hold in memory may be a password
  options.oom_score_adj = 0;
  const auto pid = Spawn(options);
  if (!pid) return Fail(Explain(order, pid.error()));
  UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)));
  auto run = std::unique_ptr<Run>(
      new Run(*pid, std::move(process), std::move(pipe.read_end), std::move(log), std::move(ended)));
  TRY(run->Watch(loop));
  return run;
}

Result<void> Run::Watch(uv_loop_t* loop) {
  if (!process_fd_.Valid()) return Fail(ErrorCode::kIo, "cannot watch the run's process");
  TRY_ASSIGN(on_output_, WatchReadable(loop, output_.Get(), [this] { ReadOutput(); }));
  TRY_ASSIGN(on_end_, WatchReadable(loop, process_fd_.Get(), [this] { End(); }));
  return {};
}

void Run::Kill() const {
  if (pid_ > 0) ::kill(-pid_, SIGKILL);
}

void Run::ReadOutput() {
  std::array<char, 16384> buffer;
  for (int i = 0; i < kTimesRead; ++i) {
    const ssize_t count = ::read(output_.Get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
      on_output_.reset();
      return;
    }
    log_.Write({buffer.data(), static_cast<size_t>(count)});
  }
}

void Run::End() {
  // Before it is collected: as long as that is not done, the number of its session is nobody else's.
  Kill();
  RunEnd end;
  end.exit_code = WaitForExit(std::exchange(pid_, 0));
  on_end_.reset();
  if (on_output_) ReadOutput();
  on_output_.reset();
  end.last_words = log_.LastWords();
  // May destroy this.
  const auto ended = std::move(ended_);
  ended(std::move(end));
}

void EndLeftovers(const std::string& process, uid_t owner) {
  std::istringstream text(process);
  std::string boot;
  pid_t session = 0;
  uint64_t started = 0;
  if (!(text >> boot >> session >> started) || boot != BootId() || session <= 1) return;
  boost::system::error_code code;
  boost::filesystem::directory_iterator it("/proc", code);
  for (const boost::filesystem::directory_iterator end; !code && it != end; it.increment(code)) {
    const std::string name = it->path().filename().string();
    pid_t pid = 0;
    const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || rest != name.data() + name.size()) continue;
    struct stat st {};
    const ProcessTimes times = TimesOf(pid);
    const bool is_of_it = times.session == session && times.started >= started;
    if (is_of_it && ::stat(it->path().c_str(), &st) == 0 && st.st_uid == owner) ::kill(pid, SIGKILL);
  }
}

Result<void> RemoveRunFolder(const std::string& path) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) {
    return errno == ENOENT ? Result<void>() : FailErrno(errno, "cannot look at '" + path + "'");
  }
  if (::rmdir(path.c_str()) == 0) return {};
  SpawnOptions options;
  options.argv = {"/bin/rm", "-rf", "--one-file-system", "--", path};
  options.env = {"PATH=/usr/bin:/bin", "LC_ALL=C"};
  options.identity = Identity{st.st_uid, st.st_gid, {}};
  // It cannot remove the folder itself, which lies in one of root's, and says so.
  TRY(RunAndCapture(options, kLongestRemoval));
  if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
  return FailErrno(errno, "cannot remove '" + path + "'");
}

std::string FindSpawnctl() {
  std::array<char, 4096> buffer{};
  const ssize_t size = ::readlink("/proc/self/exe", buffer.data(), buffer.size() - 1);
  const std::string folder =
      DirectoryOf(std::string(buffer.data(), size > 0 ? static_cast<size_t>(size) : 0));
  for (const char* place : {"/spawnctl", "/../bin/spawnctl", "/../client/spawnctl"}) {
    struct stat st {};
    if (::stat((folder + place).c_str(), &st) == 0 && S_ISREG(st.st_mode)) return folder + place;
  }
  return "/usr/bin/spawnctl";
}

}  // namespace spawnd::daemon
