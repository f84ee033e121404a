/// Real programs, run as `spawnctl run` does.
#include "client/program.h"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

using namespace spawnd::client;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using Words = std::vector<std::string>;

namespace {

SignalWatch Watching() {
  auto signals = SignalWatch::Start();
  if (!signals) FAIL(signals.error().message);
  return std::move(*signals);
}

ProgramEnd Ended(const Program& program) {
  const SignalWatch signals = Watching();
  auto end = RunProgram(program, signals);
  if (!end) FAIL(end.error().message);
  return std::move(*end);
}

int ShellCode(const std::string& script) {
  const ProgramEnd end = Ended({{"sh", "-c", script}, {}});
  CHECK_FALSE(end.not_started);
  return end.exit_code;
}

std::string Content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool Appears(const std::string& path) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (std::chrono::steady_clock::now() < deadline) {
    if (std::filesystem::exists(path)) return true;
    std::this_thread::sleep_for(2ms);
  }
  return false;
}

}  // namespace

TEST_CASE("a program's exit code is passed on") {
  CHECK(ShellCode("exit 0") == 0);
  CHECK(ShellCode("exit 3") == 3);
  CHECK(ShellCode("exit 255") == 255);
}

TEST_CASE("one that a signal ends has 128 and its number") {
  CHECK(ShellCode("kill -TERM $$") == 128 + SIGTERM);
  CHECK(ShellCode("kill -INT $$") == 128 + SIGINT);
  CHECK(ShellCode("kill -KILL $$") == 128 + SIGKILL);
}

TEST_CASE("one that is not there is 127, one that cannot be run 126") {
  const ProgramEnd missing = Ended({{"no-such-program-here"}, {}});
  CHECK(missing.exit_code == 127);
  REQUIRE(missing.not_started);
  CHECK(missing.not_started->message == "cannot run 'no-such-program-here': No such file or directory");

  const spawnd::ScratchDirectory folder;
  std::ofstream(folder / "plain") << "#!/bin/sh\nexit 0\n";
  for (const std::string& path : {folder / "plain", folder / ""}) {
    const ProgramEnd end = Ended({{path}, {}});
    CHECK(end.exit_code == 126);
    REQUIRE(end.not_started);
    CHECK_THAT(end.not_started->message, StartsWith("cannot run '" + path + "': Permission denied"));
  }
}

TEST_CASE("a program gets spawnctl's environment and the container's, and its words as they are") {
  const spawnd::ScratchDirectory folder;
  ::setenv("SPAWNCTL_TEST_OLD", "from outside", 1);
  ::setenv("SPAWNCTL_TEST_NEW", "to be replaced", 1);
  const Program program{{"sh", "-c", R"(printf '%s|' "$SPAWNCTL_TEST_OLD" "$SPAWNCTL_TEST_NEW" "$@" >"$0")",
                         folder / "said", "a b", "", "--help", "$HOME"},
                        {{"SPAWNCTL_TEST_NEW", "host=1 port='2'"}}};
  CHECK(Ended(program).exit_code == 0);
  CHECK(Content(folder / "said") == "from outside|host=1 port='2'|a b||--help|$HOME|");
  // Its own environment, not this process's.
  CHECK(std::string(::getenv("SPAWNCTL_TEST_NEW")) == "to be replaced");
  ::unsetenv("SPAWNCTL_TEST_OLD");
  ::unsetenv("SPAWNCTL_TEST_NEW");
}

TEST_CASE("a broken pipe ends the program as it would without spawnctl") {
  const auto before = ::signal(SIGPIPE, SIG_IGN);  // as spawnctl does
  CHECK(ShellCode("kill -PIPE $$; exit 9") == 128 + SIGPIPE);
  ::signal(SIGPIPE, before);
}

TEST_CASE("a signal is passed on, and the program decides what it means") {
  const spawnd::ScratchDirectory folder;
  const SignalWatch signals = Watching();
  std::thread user([&] {
    if (Appears(folder / "ready")) ::kill(::getpid(), SIGTERM);
  });
  const auto end = RunProgram(
      {{"sh", "-c", R"(trap 'exit 7' TERM; : >"$0"; while :; do sleep 0.02; done)", folder / "ready"}, {}},
      signals);
  user.join();
  REQUIRE(end);
  CHECK(end->exit_code == 7);
  CHECK(signals.Next().number == 0);  // it is taken
}

TEST_CASE("a signal that came just before the program is started ends it") {
  // Not Catch's handler, which the program would run before it is one of its own.
  const auto before = ::signal(SIGTERM, SIG_DFL);
  const SignalWatch signals = Watching();
  ::raise(SIGTERM);
  const auto end = RunProgram({{"sleep", "60"}, {}}, signals);
  ::signal(SIGTERM, before);
  REQUIRE(end);
  CHECK(end->exit_code == 128 + SIGTERM);
}

TEST_CASE("a program does not outlive a spawnctl that is killed") {
  const spawnd::ScratchDirectory folder;
  const pid_t spawnctl = ::fork();
  REQUIRE(spawnctl >= 0);
  if (spawnctl == 0) {
    const auto signals = SignalWatch::Start();
    if (!signals) ::_exit(1);
    const std::string script = R"(trap ': >"$0.ended"; exit' TERM; : >"$0"; while :; do sleep 0.02; done)";
    static_cast<void>(RunProgram({{"sh", "-c", script, folder / "ready"}, {}}, *signals));
    ::_exit(0);
  }
  CHECK(Appears(folder / "ready"));
  ::kill(spawnctl, SIGKILL);
  CHECK(::waitpid(spawnctl, nullptr, 0) == spawnctl);
  CHECK(Appears(folder / "ready.ended"));
}

TEST_CASE("a program that cannot take this process's place leaves it, and says why") {
  CHECK_THAT(BecomeProgram({{"no-such-program-here"}, {}}).message, Contains("'no-such-program-here'"));
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    static_cast<void>(BecomeProgram({{"sh", "-c", "exit $CODE"}, {{"CODE", "5"}}}));
    ::_exit(1);
  }
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  CHECK(WEXITSTATUS(status) == 5);
}
