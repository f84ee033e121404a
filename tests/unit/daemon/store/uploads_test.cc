#include "daemon/store/uploads.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "daemon/store/spool_file.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

using namespace std::chrono_literals;

UniqueFd Null() {
  return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

TEST_CASE("an upload is for one request of its owner") {
  Uploads uploads;
  const auto id = uploads.Add(1000, Null());
  REQUIRE(id);
  const auto others = uploads.Take(*id, 1001);
  REQUIRE_FALSE(others);
  CHECK(others.error().code == ErrorCode::kNotFound);
  CHECK(others.error().message == "there is no upload '" + *id + "'");
  CHECK_FALSE(uploads.Take(*id, 0));
  CHECK(uploads.Take("none", 1000).error().message == "there is no upload 'none'");
  CHECK(uploads.Take(*id, 1000));
  CHECK_FALSE(uploads.Take(*id, 1000));
}

TEST_CASE("an upload that nothing uses goes by itself") {
  Uploads uploads(50ms);
  const auto id = uploads.Add(1000, Null());
  REQUIRE(id);
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (uploads.Count() > 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
  CHECK(uploads.Count() == 0);
  CHECK_FALSE(uploads.Take(*id, 1000));
}

TEST_CASE("a user has so many uploads and no more, which keeps nobody else out") {
  Uploads uploads;
  std::string first;
  for (size_t i = 0; i < kMaxUploads; ++i) {
    const auto id = uploads.Add(1000, Null());
    REQUIRE(id);
    if (i == 0) first = *id;
  }
  CHECK(uploads.Add(1000, Null()).error().code == ErrorCode::kForbidden);
  CHECK_FALSE(uploads.CheckCount(1000));
  CHECK(uploads.CheckCount(1001));
  CHECK(uploads.Add(1001, Null()));
  CHECK(uploads.Take(first, 1000));
  CHECK(uploads.Add(1000, Null()));
}

TEST_CASE("a spool file has no name, belongs to its owner, and is handed out for reading only") {
  const ScratchDirectory scratch;
  const Disk disk(scratch.Path(), 100, 101);
  const uid_t owner = ::geteuid() == 0 ? 12345 : ::geteuid();
  auto file = SpoolFile::Make(scratch.Path(), owner, disk);
  REQUIRE(file);
  REQUIRE(file->Append("one "));
  REQUIRE(file->Append("two"));
  CHECK(file->Size() == 7);
  const auto fd = file->Take();
  REQUIRE(fd);
  std::string text(16, '\0');
  const ssize_t n = ::read(fd->Get(), text.data(), text.size());
  REQUIRE(n == 7);
  CHECK(text.substr(0, 7) == "one two");
  CHECK(::write(fd->Get(), "x", 1) < 0);
  struct stat st {};
  REQUIRE(::fstat(fd->Get(), &st) == 0);
  CHECK(st.st_uid == owner);
  CHECK((st.st_mode & 07777) == 0600);
  CHECK(st.st_nlink == 0);
}

TEST_CASE("nothing is received on a disk that is too full for anything new") {
  const ScratchDirectory scratch;
  const Disk disk(scratch.Path(), 0, 0);
  const auto file = SpoolFile::Make(scratch.Path(), ::geteuid(), disk);
  REQUIRE_FALSE(file);
  CHECK(file.error().code == ErrorCode::kNoSpace);
}

}  // namespace
}  // namespace spawnd::daemon
