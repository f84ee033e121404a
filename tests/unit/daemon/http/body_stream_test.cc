/// Requests whose bodies are handed on as they come.
#include "daemon/http/body_stream.h"

#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "tests/support/catch.h"
#include "tests/unit/daemon/http/running_server.h"

namespace spawnd::daemon::http {
namespace {

bool IsUpload(const Request& head) {
  return head.method == "POST";
}

Limits Streaming() {
  Limits limits;
  limits.is_streamed = IsUpload;
  return limits;
}

/// Takes a body on the loop and answers with its length and its sum, or why it broke off.
class Counting : public std::enable_shared_from_this<Counting> {
 public:
  Counting(std::shared_ptr<BodyStream> stream, Reply reply)
      : stream_(std::move(stream)), reply_(std::move(reply)) {}

  void Next() {
    stream_->Next([self = shared_from_this()](BodyStream::Piece piece) { self->Take(piece); });
  }

 private:
  void Take(const BodyStream::Piece& piece) {
    for (const char c : piece.bytes) sum_ += static_cast<unsigned char>(c);
    bytes_ += piece.bytes.size();
    if (piece.error) return reply_.Send(400, piece.error->message);
    if (!piece.last) return Next();
    reply_.Send(200, std::to_string(bytes_) + " " + std::to_string(sum_));
  }

  const std::shared_ptr<BodyStream> stream_;
  const Reply reply_;
  size_t bytes_ = 0;
  uint64_t sum_ = 0;
};

void Count(const Request& request, const Reply& reply) {
  if (!request.stream) return Echo(request, reply);
  std::make_shared<Counting>(request.stream, reply)->Next();
}

TEST_CASE("a streamed body of any size arrives, and the connection is kept") {
  Running server(Count, Streaming());
  Client client(server.Path());
  const std::string body(5'000'000, 'a');
  for (int i = 0; i < 2; ++i) {
    REQUIRE(client.Send("POST / HTTP/1.1\r\nContent-Length: 5000000\r\n\r\n" + body));
    CHECK(client.Response().ends_with("\r\n\r\n5000000 485000000"));
  }
  // In chunks, which are cut anywhere, with the next request behind it.
  REQUIRE(client.Send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2"));
  REQUIRE(client.Send("\r\nde\r\n0\r\n\r\nGET /next HTTP/1.1\r\n\r\n"));
  CHECK(client.Response().ends_with("5 495"));
  CHECK(client.Response().ends_with("GET /next []"));
  REQUIRE(client.Send("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"));
  CHECK(client.Response().ends_with("0 0"));
  for (const char byte : std::string("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab")) {
    REQUIRE(client.Send({&byte, 1}));
  }
  CHECK(client.Response().ends_with("2 195"));
}

TEST_CASE("100 Continue is sent once somebody takes the body") {
  Running server(Count, Streaming());
  Client client(server.Path());
  REQUIRE(client.Send("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
  CHECK(client.Until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  REQUIRE(client.Send("abc"));
  CHECK(client.Response().ends_with("3 294"));
}

TEST_CASE("nobody reads faster than the body is taken") {
  std::atomic<bool> taken = false;
  std::shared_ptr<BodyStream> never_asked;
  std::unique_ptr<Reply> kept;
  Running server(
      [&](const Request& request, const Reply& reply) {
        never_asked = request.stream;
        kept = std::make_unique<Reply>(reply);
        taken = true;
      },
      Streaming());
  Client client(server.Path());
  REQUIRE(client.Send("POST / HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n"));
  const std::string piece(100'000, 'x');
  size_t sent = 0;
  const timeval limit{1, 0};
  ::setsockopt(client.Fd(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  while (sent < 100'000'000 && client.Send(piece)) sent += piece.size();
  CHECK(taken);
  CHECK(sent < 5'000'000);
  client.Close();
  server.Stop();
  kept.reset();
}

TEST_CASE("an answer before the end of the body is read, and ends the connection") {
  Running server([](const Request&, const Reply& reply) { reply.Send(403, "no"); }, Streaming());
  Client client(server.Path());
  std::thread sender([&] {
    client.Send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "10000\r\n" + std::string(65536, 'x') + "\r\n";
    for (int i = 0; i < 64; ++i) {
      if (!client.Send(chunk)) break;
    }
  });
  const std::string response = client.Response();
  CHECK(StatusOf(response) == 403);
  CHECK(response.find("Connection: close\r\n") != std::string::npos);
  sender.join();
  CHECK(client.UntilEnd().empty());
}

TEST_CASE("a body that breaks off, stalls or is no HTTP is none") {
  Limits limits = Streaming();
  limits.idle_milliseconds = 200;
  Running server(Count, limits);
  {
    Client client(server.Path());
    REQUIRE(client.Send("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"));
    ::shutdown(client.Fd(), SHUT_WR);
    CHECK(client.UntilEnd().find("broke off") != std::string::npos);
  }
  {
    Client client(server.Path());
    REQUIRE(client.Send("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"));
    CHECK(client.Response().find("nothing of the request's body came for 200 ms") != std::string::npos);
  }
  {
    Client client(server.Path());
    REQUIRE(client.Send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n"));
    CHECK(StatusOf(client.Response()) == 400);
  }
  for (int i = 0; i < 20; ++i) {
    Client client(server.Path());
    REQUIRE(client.Send("POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\nabc"));
  }
  Client client(server.Path());
  REQUIRE(client.Send("GET / HTTP/1.1\r\n\r\n"));
  CHECK(StatusOf(client.Response()) == 200);
}

}  // namespace
}  // namespace spawnd::daemon::http
