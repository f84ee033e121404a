/// The parser alone: every way to cut a response, and what is no response.
#include "client/http/response.h"

#include "tests/support/catch.h"

using Catch::Matchers::Contains;
using spawnd::ErrorCode;
using spawnd::Result;
using spawnd::client::HttpResponseParser;
using spawnd::client::kMaxHeaderBytes;

namespace {

struct Parsed {
  std::string body;
  HttpResponseParser parser{[this](std::string_view bytes) -> Result<void> {
    body += bytes;
    return {};
  }};
};

const std::string kChunked =
    "HTTP/1.1 200 OK\r\nContent-Type: Application/X-NDJSON; charset=utf-8\r\nTransfer-Encoding: "
    "chunked\r\n\r\n"
    "5;ext=1\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nTrailer: x\r\n\r\n";
const std::string kSized =
    "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nContent-Type: application/json\r\n\r\nhello";

}  // namespace

TEST_CASE("a response cut anywhere reads the same") {
  for (const std::string& text : {kChunked, kSized}) {
    for (size_t cut = 0; cut <= text.size(); ++cut) {
      Parsed parsed;
      REQUIRE(parsed.parser.Feed(std::string_view(text).substr(0, cut)));
      REQUIRE(parsed.parser.Feed(std::string_view(text).substr(cut)));
      REQUIRE(parsed.parser.Complete());
      CHECK(parsed.body == (text == kSized ? "hello" : "hello world"));
    }
    Parsed bytewise;
    for (const char c : text) REQUIRE(bytewise.parser.Feed({&c, 1}));
    CHECK(bytewise.parser.Complete());
    CHECK(bytewise.parser.Status() == (text == kSized ? 404 : 200));
    CHECK(bytewise.parser.ContentType() == (text == kSized ? "application/json" : "application/x-ndjson"));
  }
}

TEST_CASE("a response cut off is an error, wherever") {
  for (const std::string& text : {kChunked, kSized}) {
    for (size_t cut = 0; cut < text.size(); ++cut) {
      Parsed parsed;
      REQUIRE(parsed.parser.Feed(std::string_view(text).substr(0, cut)));
      INFO(cut);
      const auto end = parsed.parser.End();
      REQUIRE_FALSE(end);
      CHECK(end.error().code == ErrorCode::kUnavailable);
    }
  }
}

TEST_CASE("a body without a length ends with the connection") {
  Parsed parsed;
  REQUIRE(parsed.parser.Feed("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc"));
  CHECK_FALSE(parsed.parser.Complete());
  REQUIRE(parsed.parser.End());
  CHECK(parsed.parser.Complete());
  CHECK(parsed.body == "abc");
}

TEST_CASE("what follows the response is not looked at") {
  Parsed parsed;
  REQUIRE(parsed.parser.Feed(kSized + "garbage \x00\xff"));
  REQUIRE(parsed.parser.Feed("more"));
  CHECK(parsed.body == "hello");
}

TEST_CASE("what is not HTTP/1.1 is refused") {
  for (const char* text : {"SSH-2.0-OpenSSH\r\n", "HTTP/1.1 abc OK\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nhello",
                           "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nx",
                           "HTTP/1.1 200 OK\r\nbad header\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"}) {
    INFO(text);
    Parsed parsed;
    const auto fed = parsed.parser.Feed(text);
    REQUIRE_FALSE(fed);
    CHECK(fed.error().code == ErrorCode::kUnavailable);
  }
}

TEST_CASE("headers have a limit") {
  Parsed one_long;
  const auto fed = one_long.parser.Feed("HTTP/1.1 200 OK\r\nX: " + std::string(kMaxHeaderBytes + 1, 'x'));
  REQUIRE_FALSE(fed);
  CHECK_THAT(fed.error().message, Contains("longer than 16384 bytes"));

  Parsed many;
  REQUIRE(many.parser.Feed("HTTP/1.1 200 OK\r\n"));
  bool refused = false;
  for (int i = 0; i < 10'000 && !refused; ++i) refused = !many.parser.Feed("Name: value\r\n");
  CHECK(refused);

  Parsed trailers;
  REQUIRE(trailers.parser.Feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"));
  refused = false;
  for (int i = 0; i < 10'000 && !refused; ++i) refused = !trailers.parser.Feed("Name: value\r\n");
  CHECK(refused);
}

TEST_CASE("an error of the body's taker comes out") {
  HttpResponseParser parser(
      [](std::string_view) -> Result<void> { return spawnd::Fail(ErrorCode::kCancelled, "enough"); });
  const auto fed = parser.Feed(kSized);
  REQUIRE_FALSE(fed);
  CHECK(fed.error().message == "enough");
}
