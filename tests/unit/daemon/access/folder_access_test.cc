/// Opening files of a folder as somebody else. The tests that switch users need root, and say so when they
/// are not run as it.
#include "daemon/access/folder_access.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
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

ErrorCode CodeOf(const Result<FileOrFolder>& result) {
  REQUIRE_FALSE(result);
  return result.error().code;
}

/// A scratch directory that everybody may search, and its descriptor.
class Folder {
 public:
  Folder() {
    REQUIRE(::chmod(scratch_.Path().c_str(), 0755) == 0);
    fd_.Reset(::open(scratch_.Path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    REQUIRE(fd_.Valid());
  }
  std::string operator/(const std::string& name) const { return scratch_ / name; }
  Result<FileOrFolder> Open(const FileRights& rights, const std::string& path) const {
    return OpenBeneath(rights, fd_.Get(), path, "script '" + path + "'");
  }

 private:
  const ScratchDirectory scratch_;
  UniqueFd fd_;
};

FileRights Me() {
  return {Identity{::geteuid(), ::getegid(), {}}, ::geteuid() == 0};
}

bool NotRoot() {
  if (::geteuid() == 0) return false;
  WARN("skipped: needs root");
  return true;
}

TEST_CASE("a root daemon refuses nobody what nobody may not read") {
  if (NotRoot()) return;
  const Folder folder;
  Write(folder / "secret.sql", 0600);
  Write(folder / "open.sql", 0644);
  const FileRights nobody{Nobody(), false};
  const std::string before = Rights();

  const auto secret = folder.Open(nobody, "secret.sql");
  CHECK(CodeOf(secret) == ErrorCode::kForbidden);
  CHECK(secret.error().message == "cannot open script 'secret.sql' as user 'nobody': permission denied");
  CHECK(Rights() == before);

  const auto open = folder.Open(nobody, "open.sql");
  REQUIRE(open);
  CHECK_FALSE(open->is_folder);
  std::array<char, 16> buffer{};
  CHECK(::read(open->fd.Get(), buffer.data(), buffer.size()) == 7);
  CHECK(Rights() == before);

  // A folder in it that nobody may not search hides what is in it.
  REQUIRE(::mkdir((folder / "own").c_str(), 0700) == 0);
  Write(folder / "own/open.sql", 0644);
  CHECK(CodeOf(folder.Open(nobody, "own/open.sql")) == ErrorCode::kForbidden);
  CHECK(folder.Open({Identity{0, 0, {}}, true}, "own/open.sql"));
}

TEST_CASE("user 0 without root's capabilities is a user like any other") {
  if (NotRoot()) return;
  const Folder folder;
  Write(folder / "nobodys.sql", 0600);
  REQUIRE(::chown((folder / "nobodys.sql").c_str(), Nobody().uid, Nobody().gid) == 0);
  Write(folder / "roots.sql", 0600);
  const std::string before = Rights();
  CHECK(CodeOf(folder.Open({Identity{0, 0, {}}, false}, "nobodys.sql")) == ErrorCode::kForbidden);
  CHECK(folder.Open({Identity{0, 0, {}}, false}, "roots.sql"));
  CHECK(folder.Open({Identity{0, 0, {}}, true}, "nobodys.sql"));
  CHECK(Rights() == before);
}

/// A child that has ended its preparations and waits to be killed.
class Waiting {
 public:
  template <typename Prepare>
  explicit Waiting(Prepare prepare) {
    std::array<int, 2> ready{};
    REQUIRE(::pipe2(ready.data(), O_CLOEXEC) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      const bool good = prepare();
      if (::write(ready[1], good ? "y" : "n", 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    ::close(ready[1]);
    char answer = 0;
    CHECK(::read(ready[0], &answer, 1) == 1);
    CHECK(answer == 'y');
    ::close(ready[0]);
    pidfd = std::make_shared<const UniqueFd>(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() { Kill(); }
  void Kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }
  pid_t Pid() const { return pid_; }
  std::shared_ptr<const UniqueFd> pidfd;

 private:
  pid_t pid_ = -1;
};

TEST_CASE("whose capabilities count is looked up at the process that asks") {
  if (NotRoot()) return;
  const Identity root{0, 0, {}};
  const auto rights_of = [&root](const Waiting& one) { return RightsOf(root, one.Pid(), one.pidfd); };
  CHECK(rights_of(Waiting([] { return true; })).overrides_modes);
  CHECK_FALSE(RightsOf(Nobody(), ::getpid(), nullptr).overrides_modes);
  CHECK_FALSE(RightsOf(root, ::getpid(), nullptr).overrides_modes);

  const Waiting bare([] {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
    return ::syscall(SYS_capset, &header, none.data()) == 0;
  });
  CHECK_FALSE(rights_of(bare).overrides_modes);

  // All capabilities there, of a namespace that has no say here.
  const Waiting elsewhere([] { return ::unshare(CLONE_NEWUSER) == 0; });
  CHECK_FALSE(rights_of(elsewhere).overrides_modes);

  // One that has gone may have left its number to somebody else.
  Waiting gone([] { return true; });
  const pid_t pid = gone.Pid();
  gone.Kill();
  CHECK_FALSE(RightsOf(root, pid, gone.pidfd).overrides_modes);
  CHECK_FALSE(RightsOf(root, ::getpid(), gone.pidfd).overrides_modes);
}

TEST_CASE("the client's groups count, the daemon's do not") {
  if (NotRoot()) return;
  const Folder folder;
  Write(folder / "group.sql", 0640);
  REQUIRE(::chown((folder / "group.sql").c_str(), 0, 54321) == 0);
  FileRights client{Nobody(), false};
  CHECK(CodeOf(folder.Open(client, "group.sql")) == ErrorCode::kForbidden);
  client.identity.groups = {54321};
  CHECK(folder.Open(client, "group.sql"));
  client.identity.groups = {};
  client.identity.gid = 54321;
  CHECK(folder.Open(client, "group.sql"));

  // A file of group root, and a daemon whose own group that is.
  Write(folder / "root-group.sql", 0640);
  client.identity.gid = Nobody().gid;
  CHECK(CodeOf(folder.Open(client, "root-group.sql")) == ErrorCode::kForbidden);
}

TEST_CASE("other threads keep their rights while one acts as a client") {
  if (NotRoot()) return;
  const Folder folder;
  Write(folder / "secret.sql", 0600);
  const FileRights nobody{Nobody(), false};
  std::atomic<bool> go = true;
  std::atomic<int> opened_as_nobody = 0;
  std::atomic<int> rounds = 0;
  std::thread acting([&] {
    while (go) {
      if (folder.Open(nobody, "secret.sql")) ++opened_as_nobody;
      ++rounds;
    }
  });
  const std::string before = Rights();
  int refused_to_root = 0;
  while (rounds < 2000) {
    const UniqueFd fd(::open((folder / "secret.sql").c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.Valid()) ++refused_to_root;
  }
  CHECK(Rights() == before);
  go = false;
  acting.join();
  CHECK(refused_to_root == 0);
  CHECK(opened_as_nobody == 0);
}

TEST_CASE("only regular files and folders are opened, and nothing blocks") {
  const Folder folder;
  const auto code = [&](const std::string& path) { return CodeOf(folder.Open(Me(), path)); };
  REQUIRE(::mkdir((folder / "folder").c_str(), 0700) == 0);
  REQUIRE(folder.Open(Me(), "folder"));
  CHECK(folder.Open(Me(), "folder")->is_folder);
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0666) == 0);
  CHECK(code("fifo") == ErrorCode::kInvalidArgument);
  CHECK(code("none") == ErrorCode::kNotFound);
  CHECK(code("") == ErrorCode::kNotFound);

  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (folder / "socket").c_str(), sizeof address.sun_path - 1);
  REQUIRE(::bind(socket.Get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  CHECK(code("socket") == ErrorCode::kInvalidArgument);
}

TEST_CASE("links within the folder are followed, nothing leads out of it") {
  const Folder folder;
  Write(folder / "file.sql", 0600);
  REQUIRE(::symlink("file.sql", (folder / "link").c_str()) == 0);
  CHECK(folder.Open(Me(), "link"));
  for (const auto& [name, target] : std::map<std::string, std::string>{
           {"absolute", "/etc/passwd"}, {"up", "../../etc/passwd"}, {"itself", folder / "file.sql"}}) {
    REQUIRE(::symlink(target.c_str(), (folder / name).c_str()) == 0);
    const auto opened = folder.Open(Me(), name);
    INFO(name);
    CHECK(CodeOf(opened) == ErrorCode::kInvalidArgument);
    CHECK(opened.error().message.find("it is a link that leads out of the folder") != std::string::npos);
  }
  CHECK(CodeOf(folder.Open(Me(), "../x")) == ErrorCode::kInvalidArgument);
  CHECK(CodeOf(folder.Open(Me(), "/etc/passwd")) == ErrorCode::kInvalidArgument);

  const UniqueFd proc(::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const UniqueFd mine(::open((folder / "file.sql").c_str(), O_RDONLY | O_CLOEXEC));
  CHECK_FALSE(OpenBeneath(Me(), proc.Get(), std::to_string(mine.Get()), "file"));
}

}  // namespace
}  // namespace spawnd::daemon
