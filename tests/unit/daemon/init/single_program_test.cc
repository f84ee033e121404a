/// What a program sees in the root of a container: a real one, put together as the launcher and process 1 do.
/// Needs root, as they do.
#include "daemon/init/single_program.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "base/descriptors.h"
#include "daemon/init/mounts.h"
#include "daemon/init/outer_root.h"
#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

using std::chrono::milliseconds;

constexpr uid_t kSomebody = 12345;

bool CannotRunHere() {
  if (::geteuid() == 0) return false;
  WARN("skipped: mounts need root");
  return true;
}

/// An installation with one program, which is a shell script.
std::string Installation(const ScratchDirectory& scratch, const std::string& script) {
  const std::string root = scratch / "product";
  REQUIRE(::chmod(scratch.Path().c_str(), 0755) == 0);
  REQUIRE(::mkdir(root.c_str(), 0755) == 0);
  REQUIRE(::mkdir((root + "/bin").c_str(), 0755) == 0);
  std::ofstream(root + "/bin/server") << "#!/bin/sh\n" << script << "\n";
  REQUIRE(::chmod((root + "/bin/server").c_str(), 0755) == 0);
  REQUIRE(::mkdir((scratch / "state").c_str(), 0755) == 0);
  std::ofstream(scratch / "state/secret") << "x";
  return root;
}

/// Runs it as the launcher does; "CODE: OUTPUT" or "error CODE MESSAGE".
std::string Run(const ScratchDirectory& scratch, SingleProgram program) {
  return testing::InChild([&]() -> std::string {
    const auto failed = [](const Error& error) { return "failed: " + error.message; };
    auto tree = CloneInstallation(program.installation);
    if (!tree) return failed(tree.error());
    auto sockets = MakeSocketPair(SOCK_SEQPACKET);
    if (!sockets) return failed(sockets.error());
    auto entered = EnterOuterRoot(scratch / "state");
    if (!entered) return failed(entered.error());
    const pid_t pid = ForkSingleProgram(program, std::move(*tree), std::move(sockets->theirs));
    if (pid <= 0) return "no process";
    const auto output = AwaitSingleProgram(program, sockets->ours.Get());
    ::waitpid(pid, nullptr, 0);
    if (!output) {
      return "error " + std::string(output.error().code == ErrorCode::kTimeout ? "timeout " : "") +
             output.error().message;
    }
    return std::to_string(output->exit_code) + ": " + output->output;
  });
}

SingleProgram Program(const std::string& root) {
  return {
      root, {{root + "/bin/server"}, {"PATH=/usr/bin:/bin"}, "/"}, kSomebody, kSomebody, milliseconds(10'000),
      4096};
}

TEST_CASE("a program sees the installation, programs of the host, and nothing else of it") {
  if (CannotRunHere()) return;
  const ScratchDirectory scratch;
  const std::string root = Installation(scratch, R"sh(echo "user $(id -u) $(id -un)"
for path in /root /home /srv /sys /var/lib /etc/shadow /run/spawnd-launcher "$(dirname "$0")/../../state"; do
  [ ! -e "$path" ] || echo "sees $path"
done
for path in / /usr /etc /dev /var /run /run/spawnd "$(dirname "$0")"; do
  if touch "$path/x" 2>/dev/null; then echo "writes to $path"; fi
done
for path in /tmp /var/tmp /dev/shm; do touch "$path/x" || echo "has no $path"; done
[ -x /run/spawnd/engine/bin/server ] || echo 'not at the fixed place'
echo /proc/[0-9]* | wc -w
grep -E '^(Seccomp|NoNewPrivs|CapBnd|CapEff):' /proc/self/status | tr -d '\t' | tr '\n' ' '
unshare -Ur true 2>/dev/null && echo 'makes a user namespace'
exit 5)sh");
  const std::string said = Run(scratch, Program(root));
  // Three processes: the shell, a substitution's, wc; the other, process 1, is root's and hidden.
  CHECK_THAT(said, Catch::Matchers::StartsWith("5: user 12345 spawnd\n"));
  CHECK(said.find("sees") == std::string::npos);
  CHECK(said.find("writes") == std::string::npos);
  CHECK(said.find("has no") == std::string::npos);
  CHECK(said.find("not at") == std::string::npos);
  CHECK(said.find("makes") == std::string::npos);
  CHECK(said.find("CapEff:0000000000000000 CapBnd:0000000000000000 NoNewPrivs:1 Seccomp:2") !=
        std::string::npos);
  INFO(said);
  CHECK(::access((scratch / "state/secret").c_str(), F_OK) == 0);
}

TEST_CASE("a program of an installation is bounded in time and in what it says, and leaves nothing") {
  if (CannotRunHere()) return;
  const ScratchDirectory scratch;
  SingleProgram program = Program(Installation(
      scratch,
      "head -c 10000 /dev/zero; (setsid sleep 100 >/dev/null 2>&1 &) ; exec >&- 2>&-; [ $1 ] && sleep 100"));
  program.max_output = 10;
  CHECK(Run(scratch, program).size() == std::string("1: ").size() + 10);
  program.command.argv.push_back("hangs");
  program.deadline = milliseconds(300);
  CHECK(Run(scratch, program).find("error timeout ") == 0);
  program.command.argv = {program.installation + "/bin/missing"};
  CHECK(Run(scratch, program).find("bin/missing': No such file") != std::string::npos);
}

TEST_CASE("a state directory where keepers have their own places is refused") {
  for (const char* path : {"/run/spawnd", "/run/spawnd/state", "/run/spawnd-launcher/x"}) {
    const auto entered = EnterOuterRoot(path);
    REQUIRE_FALSE(entered);
    CHECK(entered.error().code == ErrorCode::kInvalidArgument);
  }
}

TEST_CASE("an order to run a program arrives as it was sent") {
  const SingleProgram sent{"/opt/x", {{"/opt/x/bin/y", "", "a b"}, {"A=1"}, "/"}, 7, 8, milliseconds(9), 10};
  const std::string text = EncodeProgram(sent);
  const auto got = DecodeProgram(text);
  REQUIRE(got);
  CHECK(got->installation == sent.installation);
  CHECK(got->command.argv == sent.command.argv);
  CHECK(got->command.env == sent.command.env);
  CHECK(got->command.working_directory == "/");
  CHECK(got->uid == 7);
  CHECK(got->gid == 8);
  CHECK(got->deadline == milliseconds(9));
  CHECK(got->max_output == 10);
  for (size_t length = 0; length < text.size(); ++length) {
    INFO(length);
    CHECK_FALSE(DecodeProgram(std::string_view(text).substr(0, length)));
  }
}

}  // namespace
}  // namespace spawnd::daemon
