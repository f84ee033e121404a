/// What a tool sees: started as process 1 of a container starts it, in a container's root without a volume.
/// Needs root, as process 1 does.
#include "daemon/init/tool_mounts.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "base/descriptors.h"
#include "daemon/init/container_root.h"
#include "daemon/init/enclosed_program.h"
#include "daemon/init/mounts.h"
#include "daemon/init/outer_root.h"
#include "daemon/init/private_mounts.h"
#include "daemon/init/program_order.h"
#include "daemon/tools/backup_mount.h"
#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

using namespace std::chrono_literals;

constexpr uid_t kEngine = 65534;

struct Tool {
  std::string script;
  Identity identity{};
  UniqueFd folder{};
  bool reads_any_file = false;
};

/// As a keeper and its process 1: into the outer root, then into a container's.
Result<void> EnterRoots(const std::string& state_directory) {
  TRY(EnterOuterRoot(state_directory));
  TRY(MakePrivatePlaces(kEngine, kEngine));
  TRY_ASSIGN(const UniqueFd engine, CloneTree("/usr"));
  return EnterContainerRoot({engine.Get(), "/usr", {}});
}

/// Runs a script as a tool; what it printed.
std::string Said(Tool tool) {
  return testing::InChild([&tool]() -> std::string {
    // In a child, because a process does not leave its mount namespace again.
    const ScratchDirectory state;
    if (const auto entered = EnterRoots(state.Path()); !entered) return "no root: " + entered.error().message;
    auto pipe = MakePipe();
    auto leash = MakeSocketPair(SOCK_SEQPACKET);
    if (!pipe || !leash) return "no pipe";
    Enclosure program;
    program.options.argv = {"/bin/sh", "-c", tool.script};
    program.options.env = {"PATH=/usr/bin:/bin"};
    program.options.stdout_fd = pipe->write_end.Get();
    program.options.stderr_fd = pipe->write_end.Get();
    program.options.identity = tool.identity;
    program.options.no_new_privileges = true;
    program.leash = std::move(leash->theirs);
    program.own_mounts = true;
    program.reads_any_file = tool.reads_any_file;
    program.kept = {tool.folder.Get()};
    program.prepare = [&tool] { return EnterToolMounts({}, tool.folder.Get()); };
    const auto ran = StartEnclosed(std::move(program));
    if (!ran) return "not begun: " + ran.error().message;
    pipe->write_end.Reset();
    std::string said(4096, '\0');
    size_t size = 0;
    for (ssize_t n = 0; (n = ::read(pipe->read_end.Get(), said.data() + size, said.size() - size)) > 0;) {
      size += static_cast<size_t>(n);
    }
    said.resize(size);
    const auto end = AwaitProgramEnd(leash->ours.Get(), 10s);
    return end ? said + "exit " + std::to_string(*end) : end.error().message;
  });
}

bool NotRoot() {
  if (::geteuid() == 0) return false;
  WARN("skipped: namespaces need root");
  return true;
}

Identity Nobody() {
  const passwd* nobody = ::getpwnam("nobody");
  REQUIRE(nobody != nullptr);
  return {nobody->pw_uid, nobody->pw_gid, {54321}};
}

TEST_CASE("a tool is its user, the first of its processes but one, and has nothing of the container's") {
  if (NotRoot()) return;
  CHECK(Said({"id -u; id -g; id -G; echo $$; ls /run/spawnd; ls /proc/self/fd | wc -l", Nobody()}) ==
        "65534\n65534\n65534 54321\n2\nengine\netc\n4\nexit 0");
  CHECK(Said({"exit 7", Nobody()}) == "exit 7");
  CHECK(Said({"kill -9 $$", Nobody()}) == "exit 137");
}

TEST_CASE("a tool can write to a /tmp of its own, and nowhere else, root's neither") {
  if (NotRoot()) return;
  const ScratchDirectory scratch(0755);
  std::ofstream(scratch / "file") << "x";
  REQUIRE(::chmod((scratch / "file").c_str(), 0666) == 0);
  const std::string script =
      "ls -A /tmp; echo y >/tmp/z && cat /tmp/z; for place in /var/tmp /dev/shm /run "
      "/run/spawnd /root /proc/sys/kernel/core_pattern; do (echo z >$place/z) "
      "2>/dev/null && echo wrote $place; done; ls -d /proc/sys /proc/kcore "
      "/proc/sysrq-trigger 2>/dev/null; true";
  CHECK(Said({script, Nobody()}) == "y\nexit 0");
  CHECK(Said({script, Identity{}}) == "y\nexit 0");
  CHECK(::access("/tmp/z", F_OK) != 0);
}

TEST_CASE("a backup that is a folder is seen read-only, and nothing above it") {
  if (NotRoot()) return;
  const ScratchDirectory scratch(0755);
  REQUIRE(::mkdir((scratch / "backup").c_str(), 0777) == 0);
  std::ofstream(scratch / "secret") << "above";
  std::ofstream(scratch / "backup/dump") << "the dump\n";
  std::ofstream(scratch / "backup/private") << "not for all\n";
  REQUIRE(::chmod((scratch / "backup/private").c_str(), 0600) == 0);
  REQUIRE(::chown((scratch / "backup/private").c_str(), 12345, 12345) == 0);
  const auto folder = [&] {
    const UniqueFd fd(::open((scratch / "backup").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    auto mount = CloneFolder(fd.Get(), -1, "backup");
    REQUIRE(mount);
    return std::move(*mount);
  };
  const std::string script =
      "cd /run/spawnd/backup; cat dump; ls ..; cat ../secret 2>/dev/null; (echo x >dump) 2>/dev/null && echo "
      "wrote; cat private 2>/dev/null; true";
  CHECK(Said({script, Nobody(), folder()}) == "the dump\nbackup\nengine\netc\nexit 0");
  // Root as such is nobody's superuser there, but may read what root may read.
  CHECK(Said({script, Identity{}, folder()}) == "the dump\nbackup\nengine\netc\nexit 0");
  CHECK(Said({script, Identity{}, folder(), true}) == "the dump\nbackup\nengine\netc\nnot for all\nexit 0");
}

}  // namespace
}  // namespace spawnd::daemon
