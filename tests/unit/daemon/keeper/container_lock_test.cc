#include "daemon/keeper/container_lock.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

#include "daemon/keeper/files.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a lock is held until its owner is gone, and leaves no trace where there is none") {
  const ScratchDirectory scratch;
  CHECK_FALSE(ContainerLock::IsHeld(scratch.Path()).value());
  CHECK(ContainerLock::AwaitRelease(scratch.Path(), 0ms));
  CHECK(::access((scratch / kLockName).c_str(), F_OK) != 0);
  {
    const auto lock = ContainerLock::Take(scratch.Path(), 0ms);
    REQUIRE(lock);
    CHECK(ContainerLock::IsHeld(scratch.Path()).value());
    CHECK(ContainerLock::Take(scratch.Path(), 20ms).error().code == ErrorCode::kTimeout);
    CHECK(ContainerLock::AwaitRelease(scratch.Path(), 20ms).error().code == ErrorCode::kTimeout);
  }
  CHECK_FALSE(ContainerLock::IsHeld(scratch.Path()).value());
  CHECK(ContainerLock::AwaitRelease(scratch.Path(), 0ms));
  CHECK(ContainerLock::Take(scratch / "nowhere", 0ms).error().code == ErrorCode::kNotFound);
}

/// A child that does nothing until it is killed.
pid_t StartIdler() {
  const pid_t pid = ::fork();
  if (pid == 0) {
    while (true) ::pause();
  }
  REQUIRE(pid > 0);
  return pid;
}

TEST_CASE("whoever waits for a lock waits for the process that it names") {
  const ScratchDirectory scratch;
  const pid_t pid = StartIdler();
  {
    auto lock = ContainerLock::Take(scratch.Path(), 0ms);
    REQUIRE(lock);
    lock->NoteProcess(pid);
  }
  // Nobody has the lock, as when the kernel has closed the files of a process 1 whose engine still writes.
  CHECK(ContainerLock::IsHeld(scratch.Path()).value());
  CHECK(ContainerLock::AwaitRelease(scratch.Path(), 20ms).error().code == ErrorCode::kTimeout);
  CHECK(ContainerLock::Take(scratch.Path(), 20ms).error().code == ErrorCode::kTimeout);
  ::kill(pid, SIGKILL);
  CHECK(ContainerLock::AwaitRelease(scratch.Path(), 5s));
  ::waitpid(pid, nullptr, 0);
  CHECK_FALSE(ContainerLock::IsHeld(scratch.Path()).value());
  CHECK(ContainerLock::Take(scratch.Path(), 0ms));
}

TEST_CASE("a later process with the number of the one that is named is another") {
  const ScratchDirectory scratch;
  for (const char* note : {"1 99999999", "0 0", "-5 1", "", "nonsense", "99999999999999999999 7"}) {
    std::ofstream(scratch / kLockName) << note;
    CHECK_FALSE(ContainerLock::IsHeld(scratch.Path()).value());
    CHECK(ContainerLock::Take(scratch.Path(), 0ms));
  }
}

TEST_CASE("the next process takes the place of the one before in the file") {
  const ScratchDirectory scratch;
  // Before there is a lock for them to inherit.
  const pid_t first = StartIdler();
  const pid_t second = StartIdler();
  {
    auto lock = ContainerLock::Take(scratch.Path(), 0ms);
    REQUIRE(lock);
    lock->NoteProcess(first);
    lock->NoteProcess(second);
  }
  CHECK(ContainerLock::IsHeld(scratch.Path()).value());
  ::kill(second, SIGKILL);
  ::waitpid(second, nullptr, 0);
  CHECK_FALSE(ContainerLock::IsHeld(scratch.Path()).value());
  ::kill(first, SIGKILL);
  ::waitpid(first, nullptr, 0);
}

}  // namespace
}  // namespace spawnd::daemon
