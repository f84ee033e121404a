/// A whole exchange over a real socketpair; the far end is a thread that plays the daemon.
#include "client/http/exchange.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <thread>

#include "tests/support/catch.h"

using namespace spawnd::client;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;
using spawnd::ErrorCode;
using spawnd::Result;
using spawnd::UniqueFd;

namespace {

struct Pair {
  Pair() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
    near.Reset(fds[0]);
    far.Reset(fds[1]);
  }
  UniqueFd near, far;
};

/// Reads up to the end of the request's headers and body.
std::string ReadRequest(int fd, size_t body = 0) {
  std::string text;
  std::array<char, 4096> buffer;
  while (text.find("\r\n\r\n") == std::string::npos || text.size() < text.find("\r\n\r\n") + 4 + body) {
    const ssize_t count = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (count <= 0) break;
    text.append(buffer.data(), static_cast<size_t>(count));
  }
  return text;
}

void SendPieces(int fd, std::string_view text, size_t piece) {
  while (!text.empty()) {
    const ssize_t sent = ::send(fd, text.data(), std::min(piece, text.size()), MSG_NOSIGNAL);
    if (sent <= 0) return;
    text.remove_prefix(static_cast<size_t>(sent));
  }
}

/// The answer of a daemon that sends `text` in pieces and closes.
Result<HttpResponse> Answered(const std::string& text, const Waiting& waiting, size_t piece = 7) {
  Pair pair;
  std::thread daemon([&] {
    ReadRequest(pair.far.Get());
    SendPieces(pair.far.Get(), text, piece);
    pair.far.Reset();
  });
  auto response = Exchange(pair.near.Get(), {"GET", "/v1/version", "", ""}, waiting);
  pair.near.Reset();
  daemon.join();
  return response;
}

constexpr const char* kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n";

}  // namespace

TEST_CASE("the request is what the daemon expects") {
  Pair pair;
  std::string request;
  std::thread daemon([&] {
    request = ReadRequest(pair.far.Get(), 7);
    SendPieces(pair.far.Get(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 100);
  });
  const auto response = Exchange(pair.near.Get(), {"POST", "/v1/data-images", "secret", R"({"a":1})"}, {});
  daemon.join();
  REQUIRE(response);
  CHECK(response->status == 200);
  CHECK(response->body == "{}");
  CHECK_THAT(request, StartsWith("POST /v1/data-images HTTP/1.1\r\n"));
  CHECK_THAT(request, Contains("Host: localhost\r\n"));
  CHECK_THAT(request, Contains("Authorization: Bearer secret\r\n"));
  CHECK_THAT(request, Contains("Content-Length: 7\r\n"));
  CHECK_THAT(request, EndsWith("\r\n\r\n{\"a\":1}"));
}

TEST_CASE("an answer in small pieces is put together") {
  for (const size_t piece : {1, 2, 3, 1000}) {
    const auto response = Answered(
        "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", {},
        piece);
    REQUIRE(response);
    CHECK(response->status == 404);
    CHECK(response->body == "abcde");
  }
}

TEST_CASE("a stream comes line by line") {
  std::vector<std::string> lines;
  Waiting waiting;
  waiting.on_line = [&](std::string_view line) -> Result<void> {
    lines.emplace_back(line);
    return {};
  };
  const auto response = Answered(std::string(kStreamHead) + "one\ntwo\n\nthree\n", waiting, 2);
  REQUIRE(response);
  CHECK(response->body.empty());
  CHECK(lines == std::vector<std::string>{"one", "two", "three"});

  // an error with another content type is a body, not lines
  lines.clear();
  const auto error =
      Answered("HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n\r\n{\"x\":\n1}", waiting);
  REQUIRE(error);
  CHECK(error->body == "{\"x\":\n1}");
  CHECK(lines.empty());
}

TEST_CASE("a stream that stops inside a line is broken") {
  Waiting waiting;
  waiting.on_line = [](std::string_view) -> Result<void> { return {}; };
  const auto response = Answered(std::string(kStreamHead) + "one\ntw", waiting);
  REQUIRE_FALSE(response);
  CHECK(response.error().code == ErrorCode::kUnavailable);
  CHECK_THAT(response.error().message, Contains("in the middle"));
}

TEST_CASE("lines and bodies have limits") {
  Waiting waiting;
  waiting.on_line = [](std::string_view) -> Result<void> { return {}; };
  const auto line = Answered(kStreamHead + std::string(kMaxLineBytes + 1, 'x') + "\n", waiting, 65536);
  REQUIRE_FALSE(line);
  CHECK_THAT(line.error().message, Contains("a line of the answer is longer than"));
  CHECK(Answered(kStreamHead + std::string(kMaxLineBytes, 'x') + "\n", waiting, 65536));

  const auto body = Answered("HTTP/1.1 200 OK\r\n\r\n" + std::string(kMaxBodyBytes + 1, 'x'), {}, 1 << 20);
  REQUIRE_FALSE(body);
  CHECK_THAT(body.error().message, Contains("the answer is longer than"));
}

TEST_CASE("an error of the line's taker ends the exchange") {
  Waiting waiting;
  waiting.on_line = [](std::string_view) -> Result<void> { return spawnd::Fail(ErrorCode::kCorrupt, "no"); };
  const auto response = Answered(std::string(kStreamHead) + "one\n", waiting);
  REQUIRE_FALSE(response);
  CHECK(response.error().code == ErrorCode::kCorrupt);
}

TEST_CASE("a connection that closes without an answer says so") {
  const auto response = Answered("", {});
  REQUIRE_FALSE(response);
  CHECK(response.error().code == ErrorCode::kUnavailable);
  CHECK(response.error().message == "the connection was closed before an answer came");
}

TEST_CASE("an answer that comes before the request is read counts") {
  // A daemon that refuses a large request answers and closes; the rest of the request meets a closed socket.
  Pair pair;
  const std::string answer = "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}";
  SendPieces(pair.far.Get(), answer, 1000);
  REQUIRE(::shutdown(pair.far.Get(), SHUT_RD) == 0);
  const auto response = Exchange(pair.near.Get(), {"POST", "/", "", std::string(4 << 20, 'x')}, {});
  REQUIRE(response);
  CHECK(response->status == 413);
}

TEST_CASE("a daemon that says nothing is given up at the deadline, with ticks until then") {
  Pair pair;
  int ticks = 0;
  Waiting waiting;
  waiting.deadline = std::chrono::milliseconds(500);
  waiting.tick = std::chrono::milliseconds(5);
  waiting.on_tick = [&] { ++ticks; };
  const auto response = Exchange(pair.near.Get(), {"GET", "/", "", ""}, waiting);
  REQUIRE_FALSE(response);
  CHECK(response.error().code == ErrorCode::kTimeout);
  CHECK(ticks >= 2);
}

TEST_CASE("cancelling ends the wait at once") {
  Pair pair;
  const UniqueFd cancel(::eventfd(0, EFD_CLOEXEC));
  std::thread user([&] {
    ReadRequest(pair.far.Get());
    const uint64_t one = 1;
    static_cast<void>(!::write(cancel.Get(), &one, sizeof(one)));
  });
  Waiting waiting;
  waiting.cancel_fd = cancel.Get();
  const auto response = Exchange(pair.near.Get(), {"GET", "/", "", ""}, waiting);
  user.join();
  REQUIRE_FALSE(response);
  CHECK(response.error().code == ErrorCode::kCancelled);
}

TEST_CASE("a request that was sent and is cancelled is heard out") {
  const std::string outcome = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\noutcome";
  // The outcome; none, as the daemon ends; none, as the user does not want to wait any more.
  for (const std::string& what : {outcome, std::string(), std::string("again")}) {
    Pair pair;
    const UniqueFd cancel(::eventfd(0, EFD_CLOEXEC));
    const auto press = [&cancel] {
      const uint64_t one = 1;
      REQUIRE(::write(cancel.Get(), &one, sizeof(one)) == sizeof(one));
    };
    int pressed = 0;
    std::thread daemon([&] {
      ReadRequest(pair.far.Get());
      press();
      char byte = 0;
      if (::recv(pair.far.Get(), &byte, 1, 0) != 0) return;  // the end: it knows
      if (what == "again") return press();
      SendPieces(pair.far.Get(), what, 1000);
      pair.far.Reset();
    });
    Waiting waiting;
    waiting.cancel_fd = cancel.Get();
    waiting.on_cancel = [&] {
      uint64_t count = 0;
      REQUIRE(::read(cancel.Get(), &count, sizeof(count)) == sizeof(count));
      ++pressed;
    };
    const auto response = Exchange(pair.near.Get(), {"POST", "/", "", ""}, waiting);
    daemon.join();
    CHECK(pressed == 1);
    REQUIRE(response.has_value() == (what == outcome));
    if (response) CHECK(response->body == "outcome");
    if (what.empty()) CHECK(response.error().code == ErrorCode::kUnavailable);
    if (what == "again") CHECK(response.error().code == ErrorCode::kTimeout);
  }
}

TEST_CASE("cancelling before the request is sent asks nothing of the daemon") {
  Pair pair;
  const UniqueFd cancel(::eventfd(1, EFD_CLOEXEC));
  Waiting waiting;
  waiting.cancel_fd = cancel.Get();
  waiting.on_cancel = [] { FAIL("it is not to be waited for"); };
  const auto response = Exchange(pair.near.Get(), {"POST", "/", "", ""}, waiting);
  REQUIRE_FALSE(response);
  CHECK(response.error().code == ErrorCode::kCancelled);
  char byte = 0;
  CHECK(::recv(pair.far.Get(), &byte, 1, MSG_DONTWAIT) < 0);
}

TEST_CASE("a socket that is not there names itself and what to do") {
  const auto fd = ConnectUnix("/nonexistent/spawnd.sock");
  REQUIRE_FALSE(fd);
  CHECK(fd.error().code == ErrorCode::kUnavailable);
  CHECK(fd.error().message == "cannot reach spawnd at /nonexistent/spawnd.sock: No such file or directory");
  CHECK_THAT(fd.error().hint, Contains("systemctl start spawnd"));
}
