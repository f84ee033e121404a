/// Owned descriptors, pairs of them, and writing all of a text.
#include "base/descriptors.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <thread>
#include <utility>

#include "base/unique_fd.h"
#include "tests/support/catch.h"

namespace spawnd {
namespace {

bool IsOpen(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

bool ClosesOnExec(const UniqueFd& fd) {
  return (::fcntl(fd.Get(), F_GETFD) & FD_CLOEXEC) != 0;
}

TEST_CASE("a descriptor is closed once, by its last owner") {
  int number = -1;
  {
    UniqueFd first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    number = first.Get();
    UniqueFd second(std::move(first));
    CHECK_FALSE(first.Valid());  // NOLINT(bugprone-use-after-move): that is the question
    CHECK(second.Get() == number);
    UniqueFd third;
    third = std::move(second);
    CHECK(IsOpen(number));
  }
  CHECK_FALSE(IsOpen(number));
}

TEST_CASE("a released descriptor stays open, one that takes another closes its own") {
  UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int released = fd.Release();
  CHECK_FALSE(fd.Valid());
  CHECK(IsOpen(released));
  fd.Reset(released);
  fd.Reset(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  CHECK_FALSE(IsOpen(released));
  CHECK(fd.Valid());
}

TEST_CASE("pipes and socket pairs are connected and close on exec") {
  const auto pipe = MakePipe();
  REQUIRE(pipe);
  CHECK(ClosesOnExec(pipe->read_end));
  CHECK(ClosesOnExec(pipe->write_end));
  CHECK(WriteAll(pipe->write_end.Get(), "abc") == 0);
  std::array<char, 8> bytes{};
  CHECK(::read(pipe->read_end.Get(), bytes.data(), bytes.size()) == 3);

  const auto sockets = MakeSocketPair(SOCK_SEQPACKET);
  REQUIRE(sockets);
  CHECK(ClosesOnExec(sockets->ours));
  CHECK(ClosesOnExec(sockets->theirs));
  REQUIRE(::send(sockets->ours.Get(), "hello", 5, 0) == 5);
  REQUIRE(::send(sockets->ours.Get(), "x", 1, 0) == 1);
  CHECK(::recv(sockets->theirs.Get(), bytes.data(), bytes.size(), 0) == 5);  // packets, not a stream
}

TEST_CASE("more than a pipe holds is written whole") {
  auto pipe = MakePipe();
  REQUIRE(pipe);
  const std::string text(1'000'000, 'x');
  std::string arrived;
  std::thread reader([&] {
    std::array<char, 1000> bytes{};
    for (ssize_t n = 0; (n = ::read(pipe->read_end.Get(), bytes.data(), bytes.size())) > 0;) {
      arrived.append(bytes.data(), static_cast<size_t>(n));
    }
  });
  CHECK(WriteAll(pipe->write_end.Get(), text) == 0);
  pipe->write_end.Reset();
  reader.join();
  CHECK(arrived == text);
}

TEST_CASE("a write that fails says why") {
  CHECK(WriteAll(-1, "x") == EBADF);
  CHECK(WriteAll(-1, "") == 0);
  auto pipe = MakePipe();
  REQUIRE(pipe);
  pipe->read_end.Reset();
  auto* const before = ::signal(SIGPIPE, SIG_IGN);
  CHECK(WriteAll(pipe->write_end.Get(), "x") == EPIPE);
  ::signal(SIGPIPE, before);
}

}  // namespace
}  // namespace spawnd
