/// Child processes, real ones.
#include "base/process.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "base/descriptors.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

SpawnOptions Shell(const std::string& script) {
  SpawnOptions options;
  options.argv = {"/bin/sh", "-c", script};
  options.env = {"PATH=/usr/bin:/bin"};
  return options;
}

std::string OutputOf(const SpawnOptions& options) {
  const auto output = RunAndCapture(options, 10s);
  if (!output) FAIL(output.error().message);
  return output->output;
}

TEST_CASE("a program's output and exit code are kept") {
  const auto output = RunAndCapture(Shell("echo out; echo err >&2; exit 7"), 10s);
  REQUIRE(output);
  CHECK(output->output == "out\nerr\n");
  CHECK(output->exit_code == 7);
  CHECK(RunAndCapture(Shell("kill -9 $$"), 10s)->exit_code == 128 + SIGKILL);
}

TEST_CASE(
    "however many descriptors this process may have, a program has the usual number, and may ask for more") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE(before.rlim_max > 2000);
  rlimit many = before;
  many.rlim_cur = before.rlim_max;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &many) == 0);
  CHECK(OutputOf(Shell("ulimit -Sn; ulimit -Sn 2000; ulimit -Sn")) == "1024\n2000\n");
  SpawnOptions few = Shell("ulimit -Sn");
  few.open_files = 100;
  CHECK(OutputOf(few) == "100\n");
  CHECK(::setrlimit(RLIMIT_NOFILE, &before) == 0);
}

TEST_CASE("of too much output the beginning is kept, and the program goes on to its end") {
  const auto output = RunAndCapture(Shell("head -c 1000000 /dev/zero; exit 3"), 10s, 100);
  REQUIRE(output);
  CHECK(output->output == std::string(100, '\0'));
  CHECK(output->exit_code == 3);
}

TEST_CASE("a program that is not there, or none, is an error that names it") {
  SpawnOptions options;
  options.argv = {"/no/such/program"};
  const auto missing = Spawn(options);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ErrorCode::kNotFound);
  CHECK(missing.error().message == "cannot start '/no/such/program': No such file or directory");
  options.argv = {"/etc/passwd"};
  CHECK(Spawn(options).error().code == ErrorCode::kForbidden);
  options.argv = {};
  CHECK(Spawn(options).error().code == ErrorCode::kInternal);
}

TEST_CASE("a program that takes too long is killed") {
  const auto before = Clock::now();
  const auto output = RunAndCapture(Shell("exec sleep 60"), 200ms);
  REQUIRE_FALSE(output);
  CHECK(output.error().code == ErrorCode::kTimeout);
  CHECK(output.error().message == "'/bin/sh' was stopped: deadline passed");
  CHECK(Clock::now() - before < 30s);
}

TEST_CASE("a program that closes its output and lives on is killed at the deadline, too") {
  const auto before = Clock::now();
  const auto output = RunAndCapture(Shell("echo 15.2; exec >&- 2>&-; exec sleep 60"), 200ms);
  REQUIRE_FALSE(output);
  CHECK(output.error().code == ErrorCode::kTimeout);
  CHECK(Clock::now() - before < 30s);
}

TEST_CASE("a program that closes its output and then ends by itself is no failure") {
  const auto output = RunAndCapture(Shell("echo 15.2; exec >&- 2>&-; sleep 0.1; exit 4"), 20s);
  REQUIRE(output);
  CHECK(output->output == "15.2\n");
  CHECK(output->exit_code == 4);
}

TEST_CASE("a child inherits 0, 1 and 2, and nothing else") {
  auto pipe = MakePipe();
  REQUIRE(pipe);
  const int other =
      ::dup(pipe->write_end.Get());  // without close-on-exec: only Spawn keeps it from the child
  const std::string open = OutputOf(Shell("ls /proc/self/fd | tr '\\n' ' '"));
  CHECK(open.find(" " + std::to_string(other) + " ") == std::string::npos);
  ::close(other);
}

TEST_CASE("a child ignores no signal, whatever its parent ignores") {
  for (const int number : {SIGPIPE, SIGQUIT, SIGINT, SIGHUP}) {
    INFO(number);
    const auto before = std::signal(number, SIG_IGN);
    const auto output = RunAndCapture(Shell("kill -" + std::to_string(number) + " $$; exit 0"), 10s);
    std::signal(number, before);
    CHECK(output->exit_code == 128 + number);
  }
}

TEST_CASE("nothing of the environment is inherited, and the folder is the root") {
  ::setenv("SPAWND_TEST_SECRET", "x", 1);
  CHECK(OutputOf(Shell("echo \"$SPAWND_TEST_SECRET\"; pwd")) == "\n/\n");
  SpawnOptions options = Shell("pwd; echo $A");
  options.working_directory = "/usr";
  options.env.emplace_back("A=b c");
  CHECK(OutputOf(options) == "/usr\nb c\n");
}

TEST_CASE("descriptors may be handed over crosswise") {
  const ScratchDirectory scratch;
  std::ofstream(scratch / "in") << "hello";
  auto pipe = MakePipe();
  REQUIRE(pipe);
  const int in = ::open((scratch / "in").c_str(), O_RDONLY | O_CLOEXEC);
  SpawnOptions options = Shell("cat");
  options.stdin_fd = in;
  CHECK(OutputOf(options) == "hello");
  ::close(in);
}

TEST_CASE("an identity is all that a child has") {
  if (::geteuid() != 0) {
    WARN("needs root to become somebody else");
    return;
  }
  SpawnOptions options = Shell("id -u; id -g; id -G; grep CapEff /proc/self/status");
  options.identity = Identity{54321, 54322, {54322, 54323}};
  CHECK(OutputOf(options) == "54321\n54322\n54322 54323\nCapEff:\t0000000000000000\n");
}

TEST_CASE("a session of its own, no new privileges") {
  SpawnOptions options = Shell("ps -o sid= -p $$ | tr -d ' '; echo $$; grep NoNewPrivs /proc/self/status");
  options.new_session = true;
  options.no_new_privileges = true;
  std::istringstream lines(OutputOf(options));
  std::string session;
  std::string pid;
  std::string privileges;
  std::getline(lines, session);
  std::getline(lines, pid);
  std::getline(lines, privileges);
  CHECK(session == pid);
  CHECK(privileges == "NoNewPrivs:\t1");
}

}  // namespace
}  // namespace spawnd
