/// What tells a keeper to stop: how long its engine may take, and that the process ends in any case.
#include "daemon/keeper/stop_signal.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>

#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

/// The exit code of a process that does this, and how long it took.
struct End {
  int code;
  steady_clock::duration took;
};
End InChild(const std::function<int()>& work) {
  const auto begin = steady_clock::now();
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) ::_exit(work());
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), steady_clock::now() - begin};
}

bool TellMyself(seconds patience) {
  const UniqueFd self(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  return TellToStop(self.Get(), patience).has_value();
}

TEST_CASE("who says SIGTERM may say how long it may take, and a shutdown has no time") {
  const End end = InChild([] {
    StopSignal stop;
    if (stop.Heard()) return 1;
    if (!TellMyself(seconds(100))) return 2;
    if (!stop.Heard() || stop.Heard()->patience != seconds(100)) return 3;
    if (!TellMyself(seconds(200)) || stop.Heard()->patience != seconds(100)) return 4;
    ::kill(::getpid(), SIGTERM);
    if (stop.Heard()->patience != kShutdownPatience) return 5;
    if (!TellMyself(seconds(1)) || stop.Heard()->patience != seconds(1)) return 6;
    return 0;
  });
  CHECK(end.code == 0);
}

TEST_CASE("the end of the scope is heard as a shutdown is") {
  const End end = InChild([] {
    StopSignal stop;
    ::kill(::getpid(), kScopeSignal);
    return stop.Heard() && stop.Heard()->patience == kShutdownPatience ? 0 : 1;
  });
  CHECK(end.code == 0);
}

/// Waits for a signal that never comes, as a keeper whose main thread hangs.
int HangUntilTheEnd(bool keep, seconds patience) {
  StopSignal stop;
  stop.Bound(keep, [] { ::_exit(7); });
  if (!TellMyself(patience)) return 1;
  sigset_t none;
  ::sigemptyset(&none);
  ::sigaddset(&none, SIGUSR2);
  int number = 0;
  ::sigwait(&none, &number);
  return 2;
}

TEST_CASE("a keeper that hangs gives up once the time is over") {
  const End end = InChild([] { return HangUntilTheEnd(true, seconds(1)); });
  CHECK(end.code == 7);
  CHECK(end.took >= seconds(1) + kAfterEngine);
  CHECK(end.took < seconds(5) + kAfterEngine);
}

TEST_CASE("the keeper of a build gives up at once, whatever it was told") {
  const End end = InChild([] { return HangUntilTheEnd(false, seconds(1000)); });
  CHECK(end.code == 7);
  CHECK(end.took < seconds(8));
}

}  // namespace
}  // namespace spawnd::daemon
