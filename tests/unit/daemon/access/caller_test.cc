/// Opening files as somebody else. The tests that switch users need root, and say so when they are not run as
/// it.
#include "daemon/access/caller.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

Identity Nobody() {
  const passwd* entry = ::getpwnam("nobody");
  REQUIRE(entry != nullptr);
  return Identity{entry->pw_uid, entry->pw_gid, {}};
}

void Write(const std::string& path, mode_t mode) {
  std::ofstream(path) << "content";
  REQUIRE(::chmod(path.c_str(), mode) == 0);
}

/// User, group, groups and capabilities of the calling thread as the kernel shows them.
std::string Rights() {
  std::ifstream status("/proc/thread-self/status");
  std::string all;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("Uid") || line.starts_with("Gid") || line.starts_with("Groups") ||
        line.starts_with("Cap")) {
      all += line + "\n";
    }
  }
  return all;
}

ErrorCode CodeOf(const Result<UniqueFd>& result) {
  REQUIRE_FALSE(result);
  return result.error().code;
}

bool NotRoot() {
  if (::geteuid() == 0) return false;
  WARN("skipped: needs root");
  return true;
}

TEST_CASE("a root daemon refuses nobody what nobody may not read") {
  if (NotRoot()) return;
  const ScratchDirectory scratch;
  REQUIRE(::chmod(scratch.Path().c_str(), 0755) == 0);
  Write(scratch / "secret.sql", 0600);
  Write(scratch / "open.sql", 0644);
  const std::string before = Rights();

  const auto secret = OpenAsCaller(Nobody(), scratch / "secret.sql", "backup");
  CHECK(CodeOf(secret) == ErrorCode::kForbidden);
  CHECK(secret.error().message ==
        "cannot open backup '" + (scratch / "secret.sql") + "' as user 'nobody': permission denied");
  CHECK(Rights() == before);
  CHECK(OpenAsCaller(Nobody(), "/etc/shadow", "backup").error().code == ErrorCode::kForbidden);

  const auto open = OpenAsCaller(Nobody(), scratch / "open.sql", "backup");
  REQUIRE(open);
  std::array<char, 16> buffer{};
  CHECK(::read(open->Get(), buffer.data(), buffer.size()) == 7);
  CHECK(Rights() == before);

  // A folder that nobody may not search hides what is in it.
  REQUIRE(::chmod(scratch.Path().c_str(), 0700) == 0);
  CHECK(CodeOf(OpenAsCaller(Nobody(), scratch / "open.sql", "backup")) == ErrorCode::kForbidden);
  const Identity root{0, 0, {}};
  CHECK(OpenAsCaller(root, scratch / "secret.sql", "backup"));
}

TEST_CASE("the caller's groups count, the daemon's do not") {
  if (NotRoot()) return;
  const ScratchDirectory scratch;
  REQUIRE(::chmod(scratch.Path().c_str(), 0755) == 0);
  Write(scratch / "group.sql", 0640);
  REQUIRE(::chown((scratch / "group.sql").c_str(), 0, 54321) == 0);
  Identity caller = Nobody();
  CHECK(CodeOf(OpenAsCaller(caller, scratch / "group.sql", "backup")) == ErrorCode::kForbidden);
  caller.groups = {54321};
  CHECK(OpenAsCaller(caller, scratch / "group.sql", "backup"));
  caller.groups = {};
  caller.gid = 54321;
  CHECK(OpenAsCaller(caller, scratch / "group.sql", "backup"));

  // A file of group root, and a daemon whose own group that is.
  Write(scratch / "root-group.sql", 0640);
  caller.gid = Nobody().gid;
  CHECK(CodeOf(OpenAsCaller(caller, scratch / "root-group.sql", "backup")) == ErrorCode::kForbidden);
}

TEST_CASE("other threads keep their rights while one acts as a caller") {
  if (NotRoot()) return;
  const ScratchDirectory scratch;
  REQUIRE(::chmod(scratch.Path().c_str(), 0755) == 0);
  Write(scratch / "secret.sql", 0600);
  const Identity nobody = Nobody();
  std::atomic<bool> go = true;
  std::atomic<int> opened_as_nobody = 0;
  std::atomic<int> rounds = 0;
  std::thread acting([&] {
    while (go) {
      if (OpenAsCaller(nobody, scratch / "secret.sql", "backup")) ++opened_as_nobody;
      ++rounds;
    }
  });
  const std::string before = Rights();
  int refused_to_root = 0;
  while (rounds < 2000) {
    const UniqueFd fd(::open((scratch / "secret.sql").c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.Valid()) ++refused_to_root;
  }
  CHECK(Rights() == before);
  go = false;
  acting.join();
  CHECK(refused_to_root == 0);
  CHECK(opened_as_nobody == 0);
}

TEST_CASE("only regular files are opened, and nothing blocks") {
  const ScratchDirectory scratch;
  const Identity me{::geteuid(), ::getegid(), {}};
  const auto code = [&](const std::string& path) { return CodeOf(OpenAsCaller(me, path, "backup")); };
  CHECK(code(scratch.Path()) == ErrorCode::kInvalidArgument);
  REQUIRE(::mkfifo((scratch / "fifo").c_str(), 0666) == 0);
  CHECK(code(scratch / "fifo") == ErrorCode::kInvalidArgument);
  CHECK(code("/dev/zero") == ErrorCode::kInvalidArgument);
  CHECK(code(scratch / "none") == ErrorCode::kNotFound);
  CHECK(code("relative.sql") == ErrorCode::kInvalidArgument);
  CHECK(code("") == ErrorCode::kInvalidArgument);

  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (scratch / "socket").c_str(), sizeof address.sun_path - 1);
  REQUIRE(::bind(socket.Get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  CHECK(code(scratch / "socket") == ErrorCode::kInvalidArgument);
}

TEST_CASE("links are followed, links into the daemon's own descriptors are not") {
  const ScratchDirectory scratch;
  Write(scratch / "file.sql", 0600);
  REQUIRE(::symlink("file.sql", (scratch / "link").c_str()) == 0);
  const Identity me{::geteuid(), ::getegid(), {}};
  CHECK(OpenAsCaller(me, scratch / "link", "backup"));
  const UniqueFd mine(::open((scratch / "file.sql").c_str(), O_RDONLY | O_CLOEXEC));
  CHECK_FALSE(OpenAsCaller(me, "/proc/self/fd/" + std::to_string(mine.Get()), "backup"));
}

}  // namespace
}  // namespace spawnd::daemon
