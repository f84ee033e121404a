/// Files and folders on their way through a connection, and what is wrong with some. Needs tar(1).
#include "client/http/sent_files.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/descriptors.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::client {
namespace {

std::string ContentOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Fixture {
  Fixture() {
    ::setenv("TMPDIR", (scratch / "there").c_str(), 1);
    std::filesystem::create_directory(scratch / "there");
    std::filesystem::create_directories(scratch / "folder/sub");
    std::ofstream(scratch / "file", std::ios::binary) << big;
    std::ofstream(scratch / "folder/sub/a b.sql") << "select 1;";
    std::ofstream(scratch / "empty");
  }
  ~Fixture() { ::unsetenv("TMPDIR"); }
  UniqueFd Open(const std::string& name) const {
    UniqueFd fd(::open((scratch / name).c_str(), O_RDONLY | O_CLOEXEC));
    REQUIRE(fd.Valid());
    return fd;
  }
  bool NothingIsThere() const { return std::filesystem::is_empty(scratch / "there"); }

  ScratchDirectory scratch;
  std::string big = std::string(300'000, 'x') + "end";
  SocketPair sockets = MakeSocketPair(SOCK_STREAM).value();
};

TEST_CASE("files and folders arrive as they were, and go with who received them") {
  Fixture test;
  const UniqueFd file = test.Open("file");
  const UniqueFd folder = test.Open("folder");
  const UniqueFd empty = test.Open("empty");
  const std::vector<int> files{file.Get(), folder.Get(), empty.Get()};
  REQUIRE(KindsOf(files).value() == "fdf");
  Result<void> sent = Fail(ErrorCode::kInternal, "not yet");
  std::thread sender([&] {
    sent = SendFiles(test.sockets.ours.Get(), files, -1);
    REQUIRE(WriteAll(test.sockets.ours.Get(), "the request") == 0);
  });
  {
    ReceivedFiles received;
    const auto done = received.Receive(test.sockets.theirs.Get(), "fdf");
    sender.join();
    REQUIRE(sent);
    REQUIRE(done);
    const std::vector<int> there = received.Descriptors();
    REQUIRE(there.size() == 3);
    const std::string place = "/proc/self/fd/";
    CHECK(ContentOf(place + std::to_string(there[0])) == test.big);
    CHECK(ContentOf(place + std::to_string(there[1]) + "/sub/a b.sql") == "select 1;");
    CHECK(ContentOf(place + std::to_string(there[2])).empty());
    // They are for reading.
    CHECK(::write(there[0], "x", 1) < 0);
    std::string rest(11, '\0');
    CHECK(::read(test.sockets.theirs.Get(), rest.data(), rest.size()) == 11);
    CHECK(rest == "the request");
    CHECK_FALSE(test.NothingIsThere());
  }
  CHECK(test.NothingIsThere());
}

TEST_CASE("what comes is no file of ours") {
  using namespace std::string_literals;
  for (const std::string& bytes :
       {"\xff\xff\xff\xff"s, "\0\0\0\5ab"s, "\0\0"s, ""s, "\0\0\0\1x"s, "\0\1\0\1"s}) {
    for (const char* kinds : {"f", "d"}) {
      Fixture test;
      REQUIRE(WriteAll(test.sockets.ours.Get(), bytes) == 0);
      test.sockets.ours.Reset();
      {
        ReceivedFiles received;
        CHECK_FALSE(received.Receive(test.sockets.theirs.Get(), kinds));
      }
      CHECK(test.NothingIsThere());
    }
  }
  Fixture test;
  ReceivedFiles received;
  CHECK(received.Receive(test.sockets.theirs.Get(), "x").error().code == ErrorCode::kInvalidArgument);
}

TEST_CASE("what is no archive is no folder") {
  Fixture test;
  REQUIRE(WriteAll(test.sockets.ours.Get(), std::string("\0\0\0\4nope\0\0\0\0", 12)) == 0);
  ReceivedFiles received;
  CHECK_FALSE(received.Receive(test.sockets.theirs.Get(), "d"));
}

TEST_CASE("a file that nobody takes can be given up") {
  Fixture test;
  const UniqueFd file = test.Open("file");
  Pipe cancel = MakePipe().value();
  cancel.write_end.Reset();
  const auto sent = SendFiles(test.sockets.ours.Get(), {file.Get()}, cancel.read_end.Get());
  REQUIRE_FALSE(sent);
  CHECK(sent.error().code == ErrorCode::kCancelled);
  test.sockets.theirs.Reset();
  CHECK(SendFiles(test.sockets.ours.Get(), {file.Get()}, -1).error().code == ErrorCode::kUnavailable);
}

TEST_CASE("neither sockets nor devices are sent") {
  Fixture test;
  const UniqueFd device(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  CHECK_FALSE(KindsOf({device.Get()}));
  CHECK_FALSE(KindsOf({test.sockets.ours.Get()}));
  CHECK_FALSE(KindsOf({-1}));
}

}  // namespace
}  // namespace spawnd::client
