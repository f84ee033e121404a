/// The parser alone: every way to cut a request, and every limit.
#include "daemon/http/request_parser.h"

#include "tests/support/catch.h"

namespace spawnd::daemon::http {
namespace {

using State = RequestParser::State;

constexpr std::string_view kChunkedPost =
    "POST /v1/data-images?x=1 HTTP/1.1\r\nHost: spawnd\r\nX-Two: a\r\nTransfer-Encoding: chunked\r\nx-two: "
    "b\r\n\r\n"
    "4\r\nWiki\r\n5;ext=1\r\npedia\r\n0\r\nX-Trailer: evil\r\n\r\n";

/// Feeds `bytes` in pieces of at most `step`; what was left when the parser was done.
std::string_view FeedInSteps(RequestParser& parser, std::string_view bytes, size_t step) {
  while (!bytes.empty() && parser.GetState() != State::kComplete && parser.GetState() != State::kBroken) {
    bytes.remove_prefix(parser.Feed(bytes.substr(0, step)));
  }
  return bytes;
}

int StatusOf(std::string_view bytes, Limits limits = {}) {
  RequestParser parser(limits);
  FeedInSteps(parser, bytes, 7);
  return parser.GetState() == State::kBroken ? parser.Error().status : 0;
}

TEST_CASE("a request is the same however its bytes are cut") {
  const auto step = GENERATE(range(1, 40), 1000);
  RequestParser parser{Limits{}};
  const std::string two = std::string(kChunkedPost) + "GET / HTTP/1.1\r\n\r\n";
  std::string_view rest = FeedInSteps(parser, two, static_cast<size_t>(step));
  REQUIRE(parser.GetState() == State::kComplete);
  CHECK(rest == "GET / HTTP/1.1\r\n\r\n");
  CHECK(parser.KeepAlive());
  const Request request = parser.Take();
  CHECK(request.method == "POST");
  CHECK(request.path == std::vector<std::string>{"v1", "data-images"});
  CHECK(request.query.at("x") == "1");
  CHECK(request.headers.at("x-two") == "a, b");
  CHECK(request.headers.count("x-trailer") == 0);
  CHECK(request.body == "Wikipedia");

  parser.Reset();
  CHECK(parser.GetState() == State::kEmpty);
  rest = FeedInSteps(parser, rest, static_cast<size_t>(step));
  CHECK(parser.GetState() == State::kComplete);
  CHECK(rest.empty());
  const Request second = parser.Take();
  CHECK(second.method == "GET");
  CHECK(second.body.empty());
  CHECK(second.headers.empty());
}

TEST_CASE("the size limits hold to the byte") {
  Limits limits;
  limits.target_bytes = 10;
  limits.header_bytes = 100;
  limits.body_bytes = 5;
  CHECK(StatusOf("GET /123456789 HTTP/1.1\r\n\r\n", limits) == 0);
  CHECK(StatusOf("GET /1234567890 HTTP/1.1\r\n\r\n", limits) == 414);
  CHECK(StatusOf("GET / HTTP/1.1\r\na: " + std::string(67, 'x') + "\r\n\r\n", limits) == 0);
  CHECK(StatusOf("GET / HTTP/1.1\r\na: " + std::string(68, 'x') + "\r\n\r\n", limits) == 431);
  CHECK(StatusOf("GET / HTTP/1.1\r\n" + std::string(101, 'x') + ": y\r\n\r\n", limits) == 431);
  CHECK(StatusOf("GET / HTTP/1.1\r\na:\r\nb:\r\nc:\r\nd:\r\n\r\n", limits) == 431);
  CHECK(StatusOf("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n12345", limits) == 0);
  CHECK(StatusOf("POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\n", limits) == 413);
  CHECK(StatusOf("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\n", limits) == 0);
  CHECK(StatusOf("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n", limits) ==
        413);
}

TEST_CASE("what is not HTTP/1.1 is refused with the right status") {
  CHECK(StatusOf("hello\r\n\r\n") == 400);
  CHECK(StatusOf("GET / HTTP/1.1\r\nno colon\r\n\r\n") == 400);
  CHECK(StatusOf("GET / HTTP/1.1\r\na : b\r\n\r\n") == 400);
  CHECK(StatusOf("GET /%zz HTTP/1.1\r\n\r\n") == 400);
  CHECK(StatusOf("GET /\x01 HTTP/1.1\r\n\r\n") == 400);
  CHECK(StatusOf("CONNECT host:80 HTTP/1.1\r\n\r\n") == 400);
  CHECK(StatusOf("OPTIONS * HTTP/1.1\r\n\r\n") == 400);
  CHECK(StatusOf("POST / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n") == 400);
  CHECK(StatusOf("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n") == 400);
  CHECK(StatusOf("GET / HTTP/2.0\r\n\r\n") == 505);
  CHECK(StatusOf("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == 505);
  CHECK(StatusOf("GET / HTTP/1.1\r\nExpect: tea\r\n\r\n") == 417);
}

TEST_CASE("two lengths are never believed: that is how requests are smuggled") {
  CHECK(StatusOf("POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd") == 400);
  CHECK(StatusOf("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") ==
        400);
  CHECK(StatusOf("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nabc") == 400);
}

TEST_CASE("100-continue is asked for once, and only before a body") {
  RequestParser parser{Limits{}};
  FeedInSteps(parser, "PUT / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n", 3);
  CHECK(parser.TakeExpectsContinue());
  CHECK_FALSE(parser.TakeExpectsContinue());
  FeedInSteps(parser, "ab", 2);
  CHECK(parser.Take().body == "ab");

  RequestParser without_body{Limits{}};
  FeedInSteps(without_body, "GET / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n", 100);
  CHECK_FALSE(without_body.TakeExpectsContinue());

  RequestParser old{Limits{}};
  FeedInSteps(old, "PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", 100);
  CHECK_FALSE(old.TakeExpectsContinue());
  CHECK(old.IsHttp10());
}

TEST_CASE("an offer to switch protocols is an ordinary request") {
  RequestParser parser{Limits{}};
  FeedInSteps(parser, "GET /a HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 1000);
  CHECK(parser.GetState() == State::kComplete);
  CHECK(parser.Take().path == std::vector<std::string>{"a"});
}

TEST_CASE("the connection is kept unless one side says otherwise") {
  const auto keeps = [](std::string_view bytes) {
    RequestParser parser{Limits{}};
    FeedInSteps(parser, bytes, 1000);
    REQUIRE(parser.GetState() == State::kComplete);
    return parser.KeepAlive();
  };
  CHECK(keeps("GET / HTTP/1.1\r\n\r\n"));
  CHECK_FALSE(keeps("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"));
  CHECK_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  CHECK(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

}  // namespace
}  // namespace spawnd::daemon::http
