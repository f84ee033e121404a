/// Finding installations: a server is asked once, and again when it is another file;
/// what is no answer, and what is remembered; and which of what lies on a search path may be run at all.
#include "daemon/host/installations.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <mutex>
#include <optional>
#include <thread>

#include "base/file.h"
#include "engines/registry.h"
#include "tests/support/catch.h"
#include "tests/support/direct_run.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

/// A machine with one server, a script, and what asks it.
struct Machine {
  explicit Machine(bool has_memory = false) : memory(has_memory ? scratch / "versions" : "") {
    for (const char* folder : {"servers", "servers/redis", "servers/redis/bin"}) {
      REQUIRE(PosixFileSystem().CreateDirectory(scratch / folder));
    }
  }

  void Install(const std::string& says) const {
    REQUIRE((::unlink(server.c_str()) == 0 || errno == ENOENT));
    std::ofstream(server) << "#!/bin/sh\n" << says << "\n" << std::flush;
    REQUIRE(::chmod(server.c_str(), 0755) == 0);
  }
  Installations::Settings Settings() const { return {{scratch / "servers"}, false, {}, memory}; }
  engines::ServerRun Run() {
    return [this](const std::string& root, const engines::Command& command) -> Result<ProcessOutput> {
      ++runs;
      if (failure) return Fail(*failure, "'" + command.argv.front() + "' cannot be asked");
      return spawnd::testing::RunDirectly(root, command);
    };
  }
  /// The only installation, as it is known.
  engines::Installation Known() const {
    const auto all = installations.All();
    REQUIRE(all.size() == 1);
    return all.front();
  }
  /// The same, after another look.
  engines::Installation Found() {
    installations.Detect();
    return Known();
  }
  Result<engines::Installation> Wanted(const std::string& version) {
    return installations.ChooseOrDetect(**engines::FindEngine("redis"), version);
  }

  const ScratchDirectory scratch;
  const std::string server = scratch / "servers/redis/bin/redis-server";
  const std::string memory;
  std::atomic<int> runs = 0;
  std::optional<ErrorCode> failure;
  Installations installations{Settings(), Run()};
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

TEST_CASE("a deadline is no answer, and neither is any other failure to ask") {
  Machine machine;
  machine.Install("echo Redis server v=7.0.15 sha=0");
  for (const ErrorCode failure :
       {ErrorCode::kTimeout, ErrorCode::kUnavailable, ErrorCode::kIo, ErrorCode::kNoSpace}) {
    machine.failure = failure;
    CHECK(machine.Found().unanswered);
    for (const char* version : {"", "7", "7.0"}) {
      const auto chosen = machine.Wanted(version);
      REQUIRE(!chosen);
      CHECK(chosen.error().code == ErrorCode::kNotReady);
      CHECK(chosen.error().message.find("'" + machine.server + "' cannot be asked") != std::string::npos);
    }
  }
  machine.failure.reset();
  CHECK(machine.Wanted("7.0")->version == "7.0.15");
  // What it has said holds, however little it says now.
  machine.failure = ErrorCode::kTimeout;
  CHECK(machine.Found().version == "7.0.15");
  CHECK(machine.Wanted("7")->version == "7.0.15");
  CHECK(machine.Wanted("8.0").error().code == ErrorCode::kUnsupported);
}

TEST_CASE("one that was killed is asked again") {
  Machine machine;
  machine.Install("kill -KILL $$");
  CHECK(machine.Found().unanswered);
  CHECK(machine.Wanted("").error().code == ErrorCode::kNotReady);
  machine.Install("kill -SEGV $$");
  CHECK(!machine.Found().unanswered);
  CHECK(machine.Wanted("").error().code == ErrorCode::kUnsupported);
}

TEST_CASE("the newest is not known while one has not answered, another version is") {
  Machine machine;
  machine.Install("echo Redis server v=7.0.15 sha=0");
  REQUIRE(PosixFileSystem().CreateDirectory(machine.scratch / "servers/other"));
  REQUIRE(PosixFileSystem().CreateDirectory(machine.scratch / "servers/other/bin"));
  const std::string other = machine.scratch / "servers/other/bin/redis-server";
  std::ofstream(other) << "#!/bin/sh\nkill -KILL $$\n" << std::flush;
  REQUIRE(::chmod(other.c_str(), 0755) == 0);
  CHECK(machine.Wanted("7.0")->version == "7.0.15");
  const auto newest = machine.Wanted("");
  REQUIRE(!newest);
  CHECK(newest.error().code == ErrorCode::kNotReady);
  CHECK(newest.error().hint.find("7.0.15") != std::string::npos);
}

TEST_CASE("a start has so much patience with those that do not answer, and the others are known") {
  Machine machine;
  machine.Install("echo Redis server v=7.0.15 sha=0");
  CHECK(machine.Found().version == "7.0.15");
  REQUIRE(PosixFileSystem().CreateDirectory(machine.scratch / "servers/a"));
  REQUIRE(PosixFileSystem().CreateDirectory(machine.scratch / "servers/a/bin"));
  for (const char* name : {"redis-server", "postgres"}) {
    const std::string path = machine.scratch / "servers/a/bin/" + name;
    std::ofstream(path) << "#!/bin/sh\n" << std::flush;
    REQUIRE(::chmod(path.c_str(), 0755) == 0);
  }
  machine.failure = ErrorCode::kTimeout;
  machine.runs = 0;
  machine.installations.Detect(std::chrono::milliseconds(0));
  CHECK(machine.runs == 0);
  int unanswered = 0;
  for (const engines::Installation& one : machine.installations.All()) {
    if (one.unanswered)
      ++unanswered;
    else
      CHECK(one.version == "7.0.15");
  }
  CHECK(unanswered == 2);
}

TEST_CASE("one that did not answer is asked again behind, until it does") {
  Machine machine;
  machine.Install("[ -e " + (machine.scratch / "calm") + " ] || kill -KILL $$; echo Redis server v=7.0.15");
  machine.installations.Detect();
  std::mutex mutex;
  std::vector<std::string> told;
  machine.installations.KeepAsking(
      [&](const std::string& line) {
        const std::lock_guard lock(mutex);
        told.push_back(line);
      },
      {std::chrono::milliseconds(5), std::chrono::milliseconds(1), std::chrono::milliseconds(5)});
  while (machine.runs < 4) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(machine.Known().unanswered);
  std::ofstream(machine.scratch / "calm") << "x" << std::flush;
  while (machine.Known().unanswered) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(machine.Known().version == "7.0.15");

  // A package's upgrade is noticed, and a removal, without anybody's asking.
  const int runs = machine.runs;
  machine.Install("echo Redis server v=7.0.16");
  while (machine.installations.All().empty() || machine.Known().version != "7.0.16") {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  CHECK(machine.runs > runs);
  REQUIRE(::unlink(machine.server.c_str()) == 0);
  while (!machine.installations.All().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  machine.installations.StopAsking();
  const std::lock_guard lock(mutex);
  REQUIRE(!told.empty());
  CHECK(told.front() == "redis 7.0.15 in " + (machine.scratch / "servers/redis"));
}

TEST_CASE("whoever chooses one that was upgraded gets it as it is now") {
  Machine machine;
  machine.Install("echo Redis server v=7.0.15");
  CHECK(machine.Wanted("7.0")->version == "7.0.15");
  machine.Install("echo Redis server v=7.0.16");
  CHECK(machine.Wanted("7.0")->version == "7.0.16");
  CHECK(machine.runs == 2);
  REQUIRE(::unlink(machine.server.c_str()) == 0);
  CHECK(machine.Wanted("7.0").error().code == ErrorCode::kUnsupported);
}

TEST_CASE("what a server has said outlives the daemon, as long as its file does") {
  Machine machine(true);
  machine.Install("echo Redis server v=7.0.15");
  CHECK(machine.Found().version == "7.0.15");
  CHECK(machine.runs == 1);
  const auto next = [&machine] {
    Installations installations(machine.Settings(), machine.Run());
    installations.Detect();
    const auto all = installations.All();
    REQUIRE(all.size() == 1);
    return all.front();
  };
  machine.failure = ErrorCode::kTimeout;  // a machine that is busy booting
  CHECK(next().version == "7.0.15");
  CHECK(machine.runs == 1);
  machine.failure.reset();
  machine.Install("echo Redis server v=7.0.16");
  CHECK(next().version == "7.0.16");
  CHECK(machine.runs == 2);
  for (const char* damage : {"", "{", "{\"programs\":[{\"argv\":[]}]}", "\xff\xfe"}) {
    std::ofstream(machine.memory) << damage << std::flush;
    const int runs = machine.runs;
    CHECK(next().version == "7.0.16");
    CHECK(machine.runs == runs + 1);
  }
}

TEST_CASE("who comes while others look shares the look that comes after") {
  Machine machine;
  machine.Install("sleep 0.05; kill -KILL $$");
  std::vector<std::jthread> threads;
  for (int i = 0; i < 16; ++i) threads.emplace_back([&machine] { machine.installations.Detect(); });
  threads.clear();
  CHECK(machine.runs <= 3);
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
  Installations installations({{scratch.Path()}, false, {}, ""},
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
