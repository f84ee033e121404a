/// A second place for a folder, in a mount namespace of its own. Needs root, as keepers do.
#include "daemon/init/private_mounts.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

/// Runs `check` in a child with mounts of its own; its exit code.
template <typename Check>
int InOwnMounts(Check check) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const bool own =
        ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    ::_exit(own ? check() : 99);
  }
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

bool Exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

TEST_CASE("a folder appears at a second place, which nobody else sees") {
  if (::geteuid() != 0) {
    WARN("skipped: mounts need root");
    return;
  }
  const ScratchDirectory scratch;
  const std::string from = scratch.Path() + "/from";
  const std::string above = scratch.Path() + "/above";
  for (const std::string& path : {from, above, above + "/there", above + "/neighbour"}) {
    REQUIRE(::mkdir(path.c_str(), 0755) == 0);
  }
  std::ofstream(from + "/file") << "x";
  // One that is there, and one that is not: for that the folder above it is hidden, and only here.
  CHECK(InOwnMounts([&] {
          if (!BindInPlace(from, above + "/there")) return 1;
          return Exists(above + "/there/file") && Exists(above + "/neighbour") ? 0 : 2;
        }) == 0);
  CHECK(InOwnMounts([&] {
          if (!BindInPlace(from, above + "/missing")) return 1;
          std::ofstream(above + "/missing/written") << "y";
          return Exists(from + "/written") && !Exists(above + "/neighbour") ? 0 : 2;
        }) == 0);
  CHECK(InOwnMounts([&] { return BindInPlace(scratch.Path() + "/nowhere", above + "/there") ? 1 : 0; }) == 0);
  CHECK(Exists(above + "/neighbour"));
  CHECK_FALSE(Exists(above + "/missing"));
  CHECK_FALSE(Exists(above + "/there/file"));
}

}  // namespace
}  // namespace spawnd::daemon
