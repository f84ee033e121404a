/// Finding installations: a server is asked once, and again when it is another file;
/// and which of what lies on a search path may be run at all.
#include "daemon/host/installations.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "base/file.h"
#include "tests/support/catch.h"
#include "tests/support/direct_run.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

struct Machine {
  Machine() {
    REQUIRE(PosixFileSystem().CreateDirectory(scratch / "redis"));
    REQUIRE(PosixFileSystem().CreateDirectory(scratch / "redis/bin"));
  }

  void Install(const std::string& says) const {
    REQUIRE((::unlink(server.c_str()) == 0 || errno == ENOENT));
    std::ofstream(server) << "#!/bin/sh\n" << says << "\n" << std::flush;
    REQUIRE(::chmod(server.c_str(), 0755) == 0);
  }
  /// The only installation, after another look.
  engines::Installation Found() {
    installations.Detect();
    const auto all = installations.All();
    REQUIRE(all.size() == 1);
    return all.front();
  }

  const ScratchDirectory scratch;
  const std::string server = scratch / "redis/bin/redis-server";
  int runs = 0;
  Installations installations{
      {scratch.Path()}, false, {}, [this](const std::string& root, const engines::Command& command) {
        ++runs;
        return spawnd::testing::RunDirectly(root, command);
      }};
};

TEST_CASE("who asks for a list again and again runs no server again and again") {
  Machine machine;
  machine.Install("echo Redis server v=7.0.15 sha=0");
  for (int i = 0; i < 5; ++i) CHECK(machine.Found().version == "7.0.15");
  CHECK(machine.runs == 1);
  machine.Install("echo Redis server v=7.2.1 sha=0");
  CHECK(machine.Found().version == "7.2.1");
  CHECK(machine.Found().version == "7.2.1");
  CHECK(machine.runs == 2);
}

TEST_CASE("a server that could not say its version is asked again") {
  Machine machine;
  machine.Install("if [ -e " + (machine.scratch / "library") +
                  " ]; then echo Redis server v=7.0.15; else echo none >&2; exit 127; fi");
  CHECK(machine.Found().problem == "none");
  CHECK(machine.Found().problem == "none");
  CHECK(machine.runs == 2);
  std::ofstream(machine.scratch / "library") << "x" << std::flush;
  CHECK(machine.Found().version == "7.0.15");
  CHECK(machine.Found().problem.empty());
  CHECK(machine.runs == 3);
}

TEST_CASE("what somebody else could replace is not run, and it is said why") {
  const ScratchDirectory scratch;
  const std::string root = scratch / "pg";
  const std::string program = root + "/bin/postgres";
  for (const std::string& path : {root, root + "/bin"}) REQUIRE(::mkdir(path.c_str(), 0755) == 0);
  std::ofstream(program) << "#!/bin/sh\necho 'postgres (PostgreSQL) 99.1'\n";
  std::ofstream(root + "/bin/initdb") << "#!/bin/sh\n";
  for (const char* name : {"/bin/postgres", "/bin/initdb"})
    REQUIRE(::chmod((root + name).c_str(), 0755) == 0);
  CHECK(WhyUntrusted(root, program).empty());
  // Who owns what is above the root is the affair of whoever named the path.
  REQUIRE(::chmod(scratch.Path().c_str(), 0777) == 0);
  CHECK(WhyUntrusted(root, program).empty());
  for (const std::string& path : {root, root + "/bin", program}) {
    for (const mode_t mode : {0775, 0757}) {
      REQUIRE(::chmod(path.c_str(), mode) == 0);
      CHECK(WhyUntrusted(root, program) == "others than its owner may write to '" + path + "'");
    }
    REQUIRE(::chmod(path.c_str(), 0755) == 0);
    if (::geteuid() != 0) continue;
    REQUIRE(::chown(path.c_str(), 65534, 0) == 0);
    CHECK(WhyUntrusted(root, program).find("'" + path + "' belongs to nobody, ") == 0);
    REQUIRE(::chown(path.c_str(), 0, 0) == 0);
  }
  CHECK(WhyUntrusted(root, root + "/bin/missing").find("cannot be looked at") != std::string::npos);

  int runs = 0;
  Installations installations({scratch.Path()}, false, {},
                              [&runs](const std::string&, const engines::Command&) -> Result<ProcessOutput> {
                                ++runs;
                                return ProcessOutput{0, "postgres (PostgreSQL) 99.1\n"};
                              });
  installations.Detect();
  REQUIRE(installations.All().size() == 1);
  CHECK(installations.All().front().problem.empty());
  CHECK(runs == 1);
  REQUIRE(::chmod(program.c_str(), 0777) == 0);
  installations.Detect();
  REQUIRE(installations.All().size() == 1);
  CHECK(installations.All().front().problem ==
        "not run: others than its owner may write to '" + program + "'");
  CHECK(runs == 1);
}

}  // namespace
}  // namespace spawnd::daemon
