#include "base/message.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>
#include <vector>

#include "tests/support/catch.h"

namespace spawnd {
namespace {

struct Pair {
  UniqueFd left;
  UniqueFd right;
};

Pair MakePair() {
  std::array<int, 2> sockets{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) == 0);
  return {UniqueFd(sockets[0]), UniqueFd(sockets[1])};
}

TEST_CASE("messages keep their bounds, and the end of a connection is an error") {
  auto [left, right] = MakePair();
  REQUIRE(SendMessage(left.Get(), "one"));
  REQUIRE(SendMessage(left.Get(), ""));
  REQUIRE(SendMessage(left.Get(), "two"));
  CHECK(ReceiveMessage(right.Get())->text == "one");
  CHECK(ReceiveMessage(right.Get())->text.empty());
  CHECK(ReceiveMessage(right.Get())->text == "two");
  left.Reset();
  CHECK(ReceiveMessage(right.Get()).error().code == ErrorCode::kUnavailable);
  CHECK(SendMessage(right.Get(), "three").error().code == ErrorCode::kUnavailable);
}

TEST_CASE("a message that is longer than a packet arrives whole, with what goes along") {
  for (const size_t length : {kPartBytes - 1, kPartBytes, kPartBytes + 1, size_t{5'000'003}}) {
    auto [left, right] = MakePair();
    std::array<int, 2> pipe{};
    REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
    UniqueFd read_end(pipe[0]);
    const UniqueFd write_end(pipe[1]);
    std::string text(length, 'x');
    text.back() = 'y';
    // More than the socket holds: the sender waits for the receiver.
    bool sent = false;
    std::thread sender([&, fd = left.Get()] {
      sent = SendMessage(fd, text, {-1, read_end.Get()}).has_value() && SendMessage(fd, "next").has_value();
    });
    const auto message = ReceiveMessage(right.Get());
    CHECK(ReceiveMessage(right.Get())->text == "next");
    sender.join();
    CHECK(sent);
    REQUIRE(message);
    CHECK(message->text == text);
    REQUIRE(message->descriptors.size() == 1);
    CHECK((::fcntl(message->descriptors[0].Get(), F_GETFD) & FD_CLOEXEC) != 0);
    REQUIRE(::write(write_end.Get(), "z", 1) == 1);
    char byte = 0;
    CHECK(::read(message->descriptors[0].Get(), &byte, 1) == 1);
    CHECK(byte == 'z');
  }
}

TEST_CASE("a message without end, and one that is too long, are refused") {
  auto [left, right] = MakePair();
  CHECK(SendMessage(left.Get(), std::string(kMaxMessageBytes + 1, 'x')).error().code ==
        ErrorCode::kInvalidArgument);
  std::thread sender([fd = left.Get()] {
    const std::string part = "+" + std::string(kPartBytes, 'x');
    while (::send(fd, part.data(), part.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  CHECK(ReceiveMessage(right.Get()).error().code == ErrorCode::kInvalidArgument);
  right.Reset();
  sender.join();

  auto [here, there] = MakePair();
  REQUIRE(::send(here.Get(), "?", 1, 0) == 1);
  CHECK(ReceiveMessage(there.Get()).error().code == ErrorCode::kInvalidArgument);
}

TEST_CASE("a reader that has other things to do takes a message part by part") {
  auto [left, right] = MakePair();
  MessageReader reader;
  CHECK(reader.TakePart(right.Get(), MSG_DONTWAIT).error().code == ErrorCode::kTimeout);
  REQUIRE(::send(left.Get(), "+ab", 3, 0) == 3);
  REQUIRE(reader.TakePart(right.Get()));
  CHECK(reader.TakePart(right.Get(), MSG_DONTWAIT).error().code == ErrorCode::kTimeout);
  REQUIRE(::send(left.Get(), ".c", 2, 0) == 2);
  const auto whole = reader.TakePart(right.Get());
  REQUIRE(whole);
  REQUIRE(*whole);
  CHECK((*whole)->text == "abc");
}

TEST_CASE("descriptors that nobody asked for are closed") {
  auto [left, right] = MakePair();
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  UniqueFd read_end(pipe[0]);
  const UniqueFd write_end(pipe[1]);
  const int one = read_end.Get();
  REQUIRE(SendMessage(left.Get(), "m", std::vector<int>(kMaxDescriptors + 2, one)));
  CHECK_FALSE(SendMessage(left.Get(), "m", std::vector<int>(kMaxDescriptors * 2, one)));
  read_end.Reset();
  {
    const auto message = ReceiveMessage(right.Get());
    REQUIRE(message);
    CHECK(message->descriptors.size() == kMaxDescriptors);
  }
  // The end of those that were handed over is the end of the pipe.
  ::signal(SIGPIPE, SIG_IGN);
  CHECK(::write(write_end.Get(), "x", 1) == -1);
  CHECK(errno == EPIPE);
}

}  // namespace
}  // namespace spawnd
