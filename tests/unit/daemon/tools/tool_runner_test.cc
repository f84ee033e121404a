/// Restore steps with real programs: /bin/sh plays the tool. The session is the test's own; it keeps what it
/// was told. Programs are started as process 1 of a container does it, but for the mounts, so that they can
/// write into the test's folder (tool_mounts_test.cc has those). Needs root, as process 1 does.
#include "daemon/tools/tool_runner.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/file.h"
#include "daemon/init/enclosed_program.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

using namespace std::chrono_literals;

struct Told {
  std::vector<std::string> messages;
  std::string input;
  int last_calls = 0;
  int exit_code = -1;
};

/// Hands the backup on as it is; an error when the tool says "ERROR", or as `filter` says.
class PlainSession final : public engines::RestoreSession {
 public:
  explicit PlainSession(Told& told) : told_(told) {}
  std::function<Result<std::string>(std::string_view, bool)> filter;
  bool forgiving = false;  ///< any exit code will do

  Result<std::string> FilterInput(std::string_view bytes, bool last) override {
    told_.input += bytes;
    told_.last_calls += last ? 1 : 0;
    if (filter) return filter(bytes, last);
    return std::string(bytes);
  }
  Result<void> OnToolMessage(std::string_view line) override {
    told_.messages.emplace_back(line);
    if (line.starts_with("ERROR")) return Fail(ErrorCode::kInvalidArgument, std::string(line));
    return {};
  }
  Result<void> OnToolExit(int exit_code) override {
    told_.exit_code = exit_code;
    if (exit_code != 0 && !forgiving) return Fail(ErrorCode::kInvalidArgument, "the tool failed");
    return {};
  }
  std::vector<std::string> Warnings() const override { return {}; }

 private:
  Told& told_;
};

/// One run of a shell script with a backup of the given content.
class Run {
 public:
  ~Run() {
    if (waiting_ > 0) ::waitpid(waiting_, nullptr, 0);
  }
  explicit Run(const std::string& script, const std::string& backup = "") {
    std::ofstream(scratch_ / "backup", std::ios::binary) << backup;
    backup_.Reset(::open((scratch_ / "backup").c_str(), O_RDONLY | O_CLOEXEC));
    auto session = std::make_unique<PlainSession>(told);
    this->session = session.get();
    step_.title = "restoring backup";
    step_.command = {{"/bin/sh", "-c", script, "sh", scratch_.Path()}, {"PATH=/usr/bin:/bin"}, "/"};
    step_.session = std::move(session);
    run.step = &step_;
    run.backup_fd = backup_.Get();
    run.caller = {::geteuid(), ::getegid(), {}};
    run.start = [this](ProgramOrder order, ProgramDescriptors descriptors) {
      Enclosure program;
      program.options.argv = order.command.argv;
      program.options.env = order.command.env;
      program.options.stdin_fd = descriptors.input.Get();
      program.options.stdout_fd = descriptors.output.Get();
      program.options.stderr_fd = descriptors.messages.Get();
      program.options.fourth_fd = descriptors.file.Get();
      program.options.identity = order.identity;
      program.options.new_session = true;
      program.options.no_new_privileges = true;
      program.reads_any_file = order.reads_any_file;
      program.leash = std::move(descriptors.leash);
      auto started = StartEnclosed(std::move(program));
      if (started) waiting_ = *started;
      return started.map([](pid_t) {});
    };
    run.log_path = scratch_ / "log";
    run.deadline = std::chrono::steady_clock::now() + 30s;
  }

  Result<void> operator()(std::stop_token stop = {}) { return RunTool(run, std::move(stop)); }
  /// Waits for the process that waited for the tool: after RunTool it is about to end.
  bool NobodyIsLeft() {
    int status = -1;
    const pid_t pid = std::exchange(waiting_, -1);
    return pid > 0 && ::waitpid(pid, &status, 0) == pid && status == 0;
  }
  std::string Log() const { return Content("log"); }
  std::string Content(const std::string& name) const {
    std::ifstream file(scratch_ / name, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  engines::RestoreStep& Step() { return step_; }
  const ScratchDirectory& Scratch() const { return scratch_; }

  Told told;
  ToolRun run;
  PlainSession* session = nullptr;

 private:
  ScratchDirectory scratch_;
  UniqueFd backup_;
  pid_t waiting_ = -1;
  engines::RestoreStep step_;
};

std::string Megabytes(size_t count) {
  std::string text;
  text.reserve(count << 20U);
  for (size_t i = 0; text.size() < count << 20U; ++i) text += "line " + std::to_string(i) + "\n";
  text.resize(count << 20U);
  return text;
}

/// Whether any process of the machine has this word on its command line.
/// Seconds to sleep that no other run of these tests on this machine sleeps, with `tenth` behind the dot.
std::string Seconds(int tenth) {
  return "1000." + std::to_string(tenth) + std::to_string(::getpid());
}

bool SomebodyRuns(const std::string& word) {
  bool found = false;
  for (const auto& process : std::filesystem::directory_iterator("/proc")) {
    found = found || TextOfFile(process.path() / "cmdline").find(word) != std::string::npos;
  }
  return found;
}

bool NotRoot() {
  if (::geteuid() == 0) return false;
  WARN("skipped: namespaces need root");
  return true;
}

TEST_CASE("the whole backup reaches the tool, its words reach the session and the log") {
  if (NotRoot()) return;
  const std::string backup = Megabytes(5);
  Run run("cat > $1/out; echo noted; echo first >&2; printf 'second\\r\\n' >&2; printf last >&2", backup);
  std::vector<uint64_t> steps;
  uint64_t total = 0;
  run.run.progress = [&](uint64_t done, uint64_t of) {
    steps.push_back(done);
    total = of;
  };
  REQUIRE(run());
  CHECK(run.Content("out") == backup);
  CHECK(run.told.input == backup);
  CHECK(run.told.last_calls == 1);
  CHECK(run.told.messages == std::vector<std::string>{"first", "second", "last"});
  CHECK(run.told.exit_code == 0);
  CHECK(run.Log().find("noted\n") != std::string::npos);
  CHECK(run.Log().find("first\nsecond\r\nlast") != std::string::npos);
  CHECK(std::is_sorted(steps.begin(), steps.end()));
  CHECK(steps.back() == backup.size());
  CHECK(total == backup.size());
  CHECK(run.NobodyIsLeft());
}

TEST_CASE("an empty backup still has its last bytes") {
  if (NotRoot()) return;
  Run run("wc -c >&2");
  REQUIRE(run());
  CHECK(run.told.last_calls == 1);
  CHECK(run.told.messages == std::vector<std::string>{"0"});
}

TEST_CASE("a filter may swallow, unpack and add") {
  if (NotRoot()) return;
  Run run("cat > $1/out", Megabytes(1));
  std::string expected;
  run.session->filter = [&](std::string_view bytes, bool last) -> Result<std::string> {
    std::string made = last                                        ? "the end"
                       : bytes.size() % 2 == 0 && expected.empty() ? ""
                                                                   : std::string(100'000, 'x');
    expected += made;
    return made;
  };
  REQUIRE(run());
  CHECK(run.Content("out") == expected);
  CHECK(expected.ends_with("the end"));
}

TEST_CASE("a step without input reads nothing") {
  if (NotRoot()) return;
  Run run("cat; echo done >&2", "not for you");
  run.Step().reads = engines::ToolReads::kNothing;
  REQUIRE(run());
  CHECK(run.told.input.empty());
  CHECK(run.told.messages == std::vector<std::string>{"done"});
}

TEST_CASE("chatter on all pipes at once does not block anybody") {
  if (NotRoot()) return;
  Run run("while read -r line; do echo \"$line$line$line\"; echo \"$line\" >&2; done", Megabytes(1));
  run.run.limits.log_bytes = 1000;
  REQUIRE(run());
  CHECK(run.told.messages.size() > 50'000);
  CHECK(run.Log().size() < 1200);
  CHECK(run.Log().ends_with("[log limit reached, the rest is left out]\n"));
}

TEST_CASE("the first bad message ends the tool and all it started, also what left its session") {
  if (NotRoot()) return;
  const std::string sleep = "sleep " + Seconds(2);
  Run run(sleep + " & setsid " + sleep + " & setsid setsid sh -c '" + sleep + " & " + sleep +
          "' & sleep 0.2; echo fine >&2; echo 'ERROR: here' >&2; " + sleep);
  const auto result = run();
  REQUIRE_FALSE(result);
  CHECK(result.error().message == "ERROR: here");
  CHECK(run.told.exit_code == -1);
  CHECK_FALSE(SomebodyRuns(Seconds(2)));
  CHECK(run.NobodyIsLeft());
}

TEST_CASE("a tool that ends leaving somebody behind on its pipes is not waited for") {
  if (NotRoot()) return;
  Run run("setsid sleep " + Seconds(5) + " & sleep 0.2; echo bye >&2");
  const auto start = std::chrono::steady_clock::now();
  REQUIRE(run());
  CHECK(std::chrono::steady_clock::now() - start < 10s);
  CHECK(run.told.messages == std::vector<std::string>{"bye"});
  CHECK_FALSE(SomebodyRuns(Seconds(5)));
}

TEST_CASE("a tool that ends early is judged by what it said, not by the broken pipe") {
  if (NotRoot()) return;
  Run said("echo 'ERROR: line 3' >&2; exit 1", Megabytes(2));
  CHECK(said().error().message == "ERROR: line 3");

  Run exited("exit 3", Megabytes(2));
  CHECK(exited().error().message == "the tool failed");
  CHECK(exited.told.exit_code == 3);

  Run forgiven("exec <&-; sleep 0.05; exit 1", Megabytes(2));
  forgiven.session->forgiving = true;
  const auto result = forgiven();
  REQUIRE_FALSE(result);
  CHECK(result.error().code == ErrorCode::kIo);
  CHECK(result.error().message.find("did not read the backup beyond byte") != std::string::npos);

  // What psql does at \q: it has read as much as it wants, and says that all is well.
  Run content_with_less("head -c 10 > /dev/null; exit 0", Megabytes(2));
  CHECK(content_with_less());
}

TEST_CASE("a signal is an exit code") {
  if (NotRoot()) return;
  Run run("kill -9 $$");
  CHECK_FALSE(run());
  CHECK(run.told.exit_code == 128 + SIGKILL);
}

TEST_CASE("an error of the filter ends the tool") {
  if (NotRoot()) return;
  Run run("cat > /dev/null; sleep 1000", Megabytes(1));
  run.session->filter = [](std::string_view, bool) -> Result<std::string> {
    return Fail(ErrorCode::kInvalidArgument, "byte 7 of backup: not gzip");
  };
  const auto result = run();
  REQUIRE_FALSE(result);
  CHECK(result.error().message == "byte 7 of backup: not gzip");
  CHECK(run.NobodyIsLeft());
}

TEST_CASE("stopping is at once, also while the tool reads nothing") {
  if (NotRoot()) return;
  Run run("sleep 1000", Megabytes(1));
  std::stop_source source;
  std::thread stopper([&] {
    std::this_thread::sleep_for(50ms);
    source.request_stop();
  });
  const auto start = std::chrono::steady_clock::now();
  const auto result = run(source.get_token());
  stopper.join();
  REQUIRE_FALSE(result);
  CHECK(result.error().code == ErrorCode::kCancelled);
  CHECK(std::chrono::steady_clock::now() - start < 5s);
  CHECK(run.NobodyIsLeft());

  Run stopped_before("sleep 1000");
  CHECK(stopped_before(source.get_token()).error().code == ErrorCode::kCancelled);
  CHECK(stopped_before.NobodyIsLeft());
}

TEST_CASE("a deadline ends the tool") {
  if (NotRoot()) return;
  Run run("sleep 1000");
  run.run.deadline = std::chrono::steady_clock::now() + 50ms;
  CHECK(run().error().code == ErrorCode::kTimeout);
  CHECK(run.NobodyIsLeft());
}

TEST_CASE("a message of any length is one bounded line") {
  if (NotRoot()) return;
  Run run("head -c 300000 /dev/zero | tr '\\0' x >&2; echo >&2; echo short >&2");
  REQUIRE(run());
  REQUIRE(run.told.messages.size() == 2);
  CHECK(run.told.messages[0] == std::string(64 * 1024, 'x'));
  CHECK(run.told.messages[1] == "short");
}

TEST_CASE("a tool that is not there is named") {
  if (NotRoot()) return;
  Run run("");
  run.Step().command.argv[0] = "/nonexistent/pg_restore";
  const auto result = run();
  REQUIRE_FALSE(result);
  CHECK(result.error().message.find("/nonexistent/pg_restore") != std::string::npos);
}

TEST_CASE("a log that cannot be written fails nothing") {
  if (NotRoot()) return;
  Run run("echo hello >&2");
  run.run.log_path = "/nonexistent/folder/log";
  CHECK(run());
  run.run.log_path = "/dev/full";
  Run full("echo hello >&2");
  full.run.log_path = "/dev/full";
  CHECK(full());
}

TEST_CASE("the log goes on from step to step, within one limit") {
  if (NotRoot()) return;
  Run first("echo 123456789");
  first.run.limits.log_bytes = 15;
  REQUIRE(first());
  Run second("echo abcdefghi");
  second.run.limits.log_bytes = 15;
  second.run.log_path = first.run.log_path;
  REQUIRE(second());
  CHECK(first.Log() == "123456789\nabcde\n[log limit reached, the rest is left out]\n");
  struct stat st {};
  REQUIRE(::stat(first.run.log_path.c_str(), &st) == 0);
  CHECK((st.st_mode & 07777) == 0600);
}

TEST_CASE("the tool is the caller, in a session of its own, with nothing inherited") {
  if (NotRoot()) return;
  const passwd* nobody = ::getpwnam("nobody");
  REQUIRE(nobody != nullptr);
  Run run(
      "exec >&2; id -u; id -g; id -G; cut -d' ' -f4,6 /proc/self/stat | grep -q '^\\(.*\\) \\1$' && echo own "
      "session; "
      "grep CapEff /proc/self/status; grep NoNewPrivs /proc/self/status; env | sort; ls /proc/self/fd | wc "
      "-l");
  run.run.caller = {nobody->pw_uid, nobody->pw_gid, {54321}};
  run.Step().reads = engines::ToolReads::kNothing;
  REQUIRE(run());
  const std::vector<std::string>& said = run.told.messages;
  REQUIRE(said.size() >= 6);
  CHECK(said[0] == std::to_string(nobody->pw_uid));
  CHECK(said[1] == std::to_string(nobody->pw_gid));
  CHECK(said[2] == std::to_string(nobody->pw_gid) + " 54321");
  CHECK(said[3] == "own session");
  CHECK(said[4] == "CapEff:\t0000000000000000");
  CHECK(said[5] == "NoNewPrivs:\t1");
  CHECK(said.back() == "4");  // 0, 1, 2 and the one ls reads the folder with
}

TEST_CASE("the backup itself, or a program of ours, is descriptor 3") {
  if (NotRoot()) return;
  Run run("cat /proc/self/fd/3 >&2; echo >&2; cat", "the backup");
  run.Step().reads = engines::ToolReads::kBackup;
  REQUIRE(run());
  CHECK(run.told.messages == std::vector<std::string>{"the backup"});

  Run ours("echo from memory >&2");
  ours.Step().is_our_program = true;
  REQUIRE(ours());
  CHECK(ours.told.messages == std::vector<std::string>{"from memory"});
}

TEST_CASE("a tool of root's has no capability, but for the folder that is its backup") {
  if (NotRoot()) return;
  const std::string see = "exec >&2; grep -h -e CapEff -e CapBnd /proc/self/status; id -u";
  Run run(see);
  run.Step().reads = engines::ToolReads::kNothing;
  REQUIRE(run());
  CHECK(run.told.messages ==
        std::vector<std::string>{"CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "0"});
  Run reading(see);
  reading.Step().reads = engines::ToolReads::kBackup;
  reading.run.reads_any_file = true;
  REQUIRE(reading());
  CHECK(reading.told.messages ==
        std::vector<std::string>{"CapEff:\t0000000000000002", "CapBnd:\t0000000000000002", "0"});
}

TEST_CASE("when whoever started a tool is gone, so is the tool") {
  if (NotRoot()) return;
  const std::string seconds = Seconds(7);
  Run run("sleep " + seconds);
  const pid_t starter = ::fork();
  if (starter == 0) {
    run.run.started = []() -> Result<void> { ::_exit(0); };
    [[maybe_unused]] const bool ran = run().has_value();
    ::_exit(1);
  }
  int status = -1;
  REQUIRE(::waitpid(starter, &status, 0) == starter);
  CHECK(status == 0);
  for (int i = 0; i < 500 && SomebodyRuns(seconds); ++i) std::this_thread::sleep_for(10ms);
  CHECK_FALSE(SomebodyRuns(seconds));
}

}  // namespace
}  // namespace spawnd::daemon
