/// The lock of the state directory, with real processes and files.
#include "daemon/store/state_lock.h"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "base/process.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

TEST_CASE("two daemons cannot share a state directory; a killed one leaves no lock") {
  const ScratchDirectory scratch;
  {
    const auto first = LockStateDirectory(scratch.Path());
    REQUIRE(first);
    const auto second = LockStateDirectory(scratch.Path());
    REQUIRE_FALSE(second);
    CHECK(second.error().code == ErrorCode::kInUse);
    CHECK(second.error().message.find(scratch.Path()) != std::string::npos);
  }
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = LockStateDirectory(scratch.Path());
    ::kill(::getpid(), lock ? SIGKILL : SIGTERM);
  }
  CHECK(WaitForExit(child) == 128 + SIGKILL);
  CHECK(LockStateDirectory(scratch.Path()));
  CHECK(LockStateDirectory(scratch / "none").error().code == ErrorCode::kNotFound);
}

TEST_CASE("the lock of a daemon that is just going is waited for") {
  const ScratchDirectory scratch;
  auto first = LockStateDirectory(scratch.Path());
  REQUIRE(first);
  std::thread going([&first] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    first->Reset();
  });
  CHECK(LockStateDirectory(scratch.Path()));
  going.join();
}

}  // namespace
}  // namespace spawnd::daemon
