/// Folders that go with whoever made them, and those of the killed with the next.
#include "client/fetch/private_folder.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

using namespace spawnd;
using namespace spawnd::client;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

/// TMPDIR, as long as it lives.
struct Place {
  Place() { ::setenv("TMPDIR", scratch.Path().c_str(), 1); }
  ~Place() { ::unsetenv("TMPDIR"); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  size_t Entries() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(scratch.Path()), fs::directory_iterator()));
  }
  ScratchDirectory scratch;
};

PrivateFolder Made() {
  auto folder = PrivateFolder::Make();
  if (!folder) FAIL(folder.error().message);
  return std::move(*folder);
}

/// Makes a folder in a process that is killed then.
void LeaveOneBehind() {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    auto folder = PrivateFolder::Make();
    if (!folder) ::_exit(1);
    std::ofstream(folder->Path() + "/half") << "half";
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  REQUIRE(WIFSIGNALED(status));
}

}  // namespace

TEST_CASE("private folder: it is the caller's alone, and goes with the object") {
  const Place place;
  {
    const PrivateFolder folder = Made();
    struct stat st {};
    REQUIRE(::stat(folder.Path().c_str(), &st) == 0);
    CHECK((st.st_mode & 07777) == 0700);
    fs::create_directories(folder.Path() + "/a/b");
    std::ofstream(folder.Path() + "/a/b/c") << "12345";
    CHECK(PrivateFolder::BytesIn(folder.Path() + "/a") == 5);
    CHECK(PrivateFolder::BytesIn(folder.Path() + "/none") == 0);
    fs::permissions(folder.Path() + "/a/b", fs::perms::none);
  }
  CHECK(place.Entries() == 0);
}

TEST_CASE("private folder: moved, it is one all the same") {
  const Place place;
  {
    PrivateFolder first = Made();
    const std::string path = first.Path();
    PrivateFolder second = std::move(first);
    CHECK(second.Path() == path);
    CHECK(place.Entries() == 1);
    second = Made();
    CHECK(second.Path() != path);
    CHECK(place.Entries() == 1);
  }
  CHECK(place.Entries() == 0);
}

TEST_CASE("private folder: what a killed run left behind goes with the next, what another has in use stays") {
  const Place place;
  const PrivateFolder in_use = Made();
  LeaveOneBehind();
  CHECK(place.Entries() == 2);
  std::ofstream(place.scratch / "spawnctl-fetch-no-folder") << "x";
  fs::create_directory(place.scratch / "somebody-elses");
  {
    const PrivateFolder next = Made();
    CHECK(fs::exists(in_use.Path()));
    CHECK(place.Entries() == 4);
  }
  CHECK(place.Entries() == 3);
}

TEST_CASE("private folder: a file without a name") {
  const Place place;
  const PrivateFolder folder = Made();
  const auto file = folder.UnnamedFile();
  REQUIRE(file);
  REQUIRE(::write(file->Get(), "x", 1) == 1);
  CHECK(fs::is_empty(folder.Path()));
}

TEST_CASE("private folder: a place that is not there is named, and how to name another") {
  ::setenv("TMPDIR", "/nowhere/at-all", 1);
  const auto folder = PrivateFolder::Make();
  ::unsetenv("TMPDIR");
  REQUIRE_FALSE(folder);
  CHECK_THAT(folder.error().message, Contains("/nowhere/at-all"));
  CHECK_THAT(folder.error().hint, Contains("TMPDIR"));
}
