/// The listening socket, with real processes and files.
#include "daemon/http/listen_socket.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "base/process.h"
#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

mode_t ModeOf(const std::string& path) {
  struct stat st {};
  REQUIRE(::stat(path.c_str(), &st) == 0);
  return st.st_mode & 07777;
}

bool CanConnect(const std::string& path) {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return ::connect(fd.Get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

TEST_CASE("the socket is 0660 in folders that are 0755, whatever the umask") {
  const ScratchDirectory scratch;
  const mode_t mask = ::umask(0077);
  const auto socket = OpenListenSocket(scratch / "a/b/s.sock");
  CHECK(::umask(mask) == 0077);  // as it was
  REQUIRE(socket);
  CHECK_FALSE(socket->from_systemd);
  CHECK(ModeOf(scratch / "a") == 0755);
  CHECK(ModeOf(scratch / "a/b") == 0755);
  CHECK(ModeOf(scratch / "a/b/s.sock") == 0660);
  CHECK(CanConnect(scratch / "a/b/s.sock"));
  const group* spawn = ::getgrnam(kSocketGroup);
  struct stat st {};
  REQUIRE(::stat((scratch / "a/b/s.sock").c_str(), &st) == 0);
  CHECK(st.st_gid == (spawn != nullptr ? spawn->gr_gid : ::getegid()));
}

// As a directory service has them. Without its group the socket would be root's alone, and nobody gets in.
TEST_CASE("the socket is its group's, however many members that has") {
  if (::geteuid() != 0) {
    WARN("needs root to replace /etc/group");
    return;
  }
  std::string groups = std::string(kSocketGroup) + ":x:4242:";
  for (int i = 0; i < 2000; ++i) groups += "member" + std::to_string(i) + ",";
  groups.back() = '\n';
  CHECK(testing::WithFile("/etc/group", groups, [] {
          const ScratchDirectory scratch;
          const auto socket = OpenListenSocket(scratch / "s.sock");
          return socket ? std::to_string(socket->access.group) : socket.error().message;
        }) == "4242");
}

TEST_CASE("who may connect is what the socket's file says") {
  const ScratchDirectory scratch;
  const auto socket = OpenListenSocket(scratch / "s.sock");
  REQUIRE(socket);
  struct stat st {};
  REQUIRE(::stat((scratch / "s.sock").c_str(), &st) == 0);
  CHECK(socket->access.owner == st.st_uid);
  CHECK(socket->access.group == st.st_gid);
  CHECK(socket->access.mode == 0660);

  const SocketAccess ours{500, 600, 0660};
  CHECK(MayConnect(ours, {0, 0, {}}));
  CHECK(MayConnect(ours, {500, 1, {}}));
  CHECK(MayConnect(ours, {1000, 600, {}}));
  CHECK(MayConnect(ours, {1000, 1, {2, 600, 3}}));
  CHECK_FALSE(MayConnect(ours, {1000, 1, {2, 3}}));
  CHECK_FALSE(MayConnect(ours, {1000, 0, {0}}));
  // An administrator's own SocketMode=. The first class that fits decides.
  CHECK(MayConnect({500, 600, 0666}, {1000, 1, {}}));
  CHECK_FALSE(MayConnect({500, 600, 0606}, {1000, 600, {}}));
  CHECK_FALSE(MayConnect({500, 600, 0066}, {500, 600, {}}));
  CHECK_FALSE(MayConnect({500, 600, 0444}, {1000, 600, {}}));
}

TEST_CASE("a stale socket is replaced, a living one and a file are not") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "s.sock";
  {
    const auto first = OpenListenSocket(path);
    REQUIRE(first);
    const auto second = OpenListenSocket(path);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == ErrorCode::kInUse);
    CHECK(CanConnect(path));
  }
  CHECK_FALSE(CanConnect(path));  // closed, the file is still there
  CHECK(OpenListenSocket(path));
  CHECK(::access(path.c_str(), F_OK) == 0);

  std::ofstream(scratch / "file") << "precious";
  const auto in_the_way = OpenListenSocket(scratch / "file");
  REQUIRE_FALSE(in_the_way);
  CHECK(in_the_way.error().code == ErrorCode::kInUse);
  CHECK(ModeOf(scratch / "file") != 0);
}

TEST_CASE("a path that no socket address can hold is refused") {
  const ScratchDirectory scratch;
  CHECK(OpenListenSocket(scratch / std::string(120, 'x')).error().code == ErrorCode::kInvalidArgument);
  CHECK(OpenListenSocket("").error().code == ErrorCode::kInvalidArgument);
}

/// What a daemon that systemd started with `fd` as descriptor 3 makes of it; runs in a process of its own.
int Activated(int fd, const char* count) {
  const pid_t child = ::fork();
  if (child == 0) {
    // As many as are announced: libsystemd refuses a number that is not open.
    for (int i = 0; i < std::atoi(count); ++i) ::dup2(fd, 3 + i);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", count, 1);
    const auto socket = OpenListenSocket("/nonexistent/never-made.sock");
    if (!socket) ::_exit(socket.error().code == ErrorCode::kInvalidArgument ? 2 : 3);
    ::_exit(socket->from_systemd && socket->fd.Get() == 3 && ::getenv("LISTEN_FDS") == nullptr ? 0 : 1);
  }
  return WaitForExit(child);
}

TEST_CASE("an activated socket is taken, anything else that systemd passes is refused") {
  const ScratchDirectory scratch;
  const auto listening = OpenListenSocket(scratch / "s.sock");
  REQUIRE(listening);
  CHECK(Activated(listening->fd.Get(), "1") == 0);
  CHECK(Activated(listening->fd.Get(), "2") == 2);
  const UniqueFd silent(::socket(AF_UNIX, SOCK_STREAM, 0));
  CHECK(Activated(silent.Get(), "1") == 2);
  const UniqueFd internet(::socket(AF_INET, SOCK_STREAM, 0));
  CHECK(Activated(internet.Get(), "1") == 2);
}

}  // namespace
}  // namespace spawnd::daemon
