/// The client against a listening Unix socket that plays the daemon, one answer a connection.
#include "client/http/daemon_client.h"

#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <thread>

#include "api/json.h"
#include "client/version.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

using namespace spawnd::client;
namespace api = spawnd::api;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using spawnd::Error;
using spawnd::ErrorCode;
using spawnd::UniqueFd;

namespace {

std::string Json(int status, const std::string& body) {
  return fmt::format("HTTP/1.1 {} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                     status, body.size(), body);
}

std::string Stream(const std::string& lines) {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n" + lines;
}

/// Keeps the head of the first request and answers it with `answer`; a second one, which is for the version,
/// with `version_answer`.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer, std::string version_answer = Json(404, "{}"))
      : answer_(std::move(answer)), version_answer_(std::move(version_answer)) {
    listening_.Reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path_.begin(), path_.end(), address.sun_path);
    REQUIRE(::bind(listening_.Get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(::listen(listening_.Get(), 4) == 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~OneAnswer() {
    ::shutdown(listening_.Get(), SHUT_RDWR);  // wakes a thread that nobody called
    thread_.join();
  }
  DaemonClient Client() const { return *DaemonClient::Make("unix://" + path_, "token"); }
  /// After the answer has been read.
  const std::string& Request() const { return request_; }

 private:
  void Serve() {
    Answer(answer_, request_);
    std::string version_request;
    Answer(version_answer_, version_request);
  }
  void Answer(const std::string& answer, std::string& request) {
    const UniqueFd connection(::accept(listening_.Get(), nullptr, nullptr));
    std::array<char, 4096> buffer;
    while (connection.Valid() && request.find("\r\n\r\n") == std::string::npos) {
      const ssize_t count = ::recv(connection.Get(), buffer.data(), buffer.size(), 0);
      if (count <= 0) return;
      request.append(buffer.data(), static_cast<size_t>(count));
    }
    static_cast<void>(::send(connection.Get(), answer.data(), answer.size(), MSG_NOSIGNAL));
  }

  const spawnd::ScratchDirectory folder_;
  const std::string path_ = folder_ / "s.sock";
  std::string answer_;
  std::string version_answer_;
  std::string request_;
  UniqueFd listening_;
  std::thread thread_;
};

}  // namespace

TEST_CASE("get returns the body, or the daemon's own error") {
  {
    OneAnswer daemon(Json(200, R"({"version":"9"})"));
    CHECK(*daemon.Client().Get("/v1/version") == R"({"version":"9"})");
    CHECK_THAT(daemon.Request(), StartsWith("GET /v1/version HTTP/1.1\r\n"));
    CHECK_THAT(daemon.Request(), Contains("Authorization: Bearer token\r\n"));
  }
  OneAnswer daemon(Json(404, api::ToJson(Error(ErrorCode::kNotFound, "no data image 'x'", "List them."))),
                   Json(200, fmt::format(R"({{"version":"{}"}})", ClientVersion())));
  const auto missing = daemon.Client().Get(DaemonClient::Target("/v1/data-images", "a/b"));
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ErrorCode::kNotFound);
  CHECK(missing.error().message == "no data image 'x'");
  CHECK(missing.error().hint == "List them.");
  CHECK_THAT(daemon.Request(), StartsWith("GET /v1/data-images/a%2Fb HTTP/1.1\r\n"));
}

TEST_CASE("a daemon of another version is not one where everything is missing") {
  const std::string no_path = Json(404, R"({"error":{"code":"not_found","message":"no such path"}})");
  {
    OneAnswer daemon(no_path, no_path);
    const auto got = daemon.Client().Get("/v1/data-images");
    REQUIRE_FALSE(got);
    CHECK(got.error().code == ErrorCode::kUnavailable);
    CHECK_THAT(got.error().message, Contains("is of another version") && Contains("API v1"));
  }
  {
    OneAnswer daemon(no_path, no_path);
    CHECK_THAT(daemon.Client().Create("/v1/data-images", "{}", {}).error().message,
               Contains("is of another version"));
  }
  {
    OneAnswer daemon(no_path, no_path);
    CHECK_THAT(daemon.Client().Delete("/v1/data-images/x").error().message,
               Contains("is of another version"));
  }
  OneAnswer daemon(no_path, Json(200, R"({"version":"99.1"})"));
  const auto got = daemon.Client().Get("/v1/tomorrow");
  REQUIRE_FALSE(got);
  CHECK(got.error().code == ErrorCode::kNotFound);
  CHECK_THAT(got.error().hint,
             Contains(fmt::format("spawnctl is version {}, spawnd 99.1.", ClientVersion())));
}

TEST_CASE("create shows progress and returns the result") {
  api::DataImage image;
  image.id = 10001;
  OneAnswer daemon(Stream(api::ProgressLine({"restoring", 1, 2, ""}) +
                          api::ProgressLine({"sealing", 0, 0, "careful"}) +
                          api::ResultLine(api::ToJson(image))));
  std::string stages;
  CreateEvents events;
  events.on_progress = [&](const api::Progress& progress) {
    stages += progress.stage + ";" + progress.message;
  };
  const auto json = daemon.Client().Create("/v1/data-images", "{}", events);
  REQUIRE(json);
  CHECK(api::FromJson<api::DataImage>(*json)->id == 10001);
  CHECK(stages == "restoring;sealing;careful");
}

TEST_CASE("create fails with the stream's error, with the answer's, or for lack of either") {
  const auto created = [](const std::string& answer) {
    OneAnswer daemon(answer);
    auto json = daemon.Client().Create("/v1/data-images", "{}", {});
    REQUIRE_FALSE(json);
    return json.error();
  };
  CHECK(created(Stream(api::ErrorLine(Error(ErrorCode::kNoSpace, "disk full")))).code == ErrorCode::kNoSpace);
  CHECK(created(Json(400, api::ToJson(Error(ErrorCode::kInvalidArgument, "bad")))).message == "bad");
  const Error cut = created(Stream(api::ProgressLine({"restoring", 1, 2, ""})));
  CHECK(cut.code == ErrorCode::kUnavailable);
  CHECK_THAT(cut.message, Contains("without a result"));
  CHECK(created(Stream("no json\n")).code == ErrorCode::kInvalidArgument);
}

TEST_CASE("delete takes any 2xx") {
  OneAnswer daemon(Json(200, "{}"));
  CHECK(daemon.Client().Delete("/v1/data-images/1"));
  OneAnswer empty("HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(empty.Client().Delete("/v1/data-images/1"));
}

TEST_CASE("a token cannot smuggle headers in") {
  CHECK_FALSE(DaemonClient::Make("", "a\r\nX: y"));
  CHECK_FALSE(DaemonClient::Make("", "a b"));
  CHECK_FALSE(DaemonClient::Make("", std::string(5000, 'a')));
  CHECK(DaemonClient::Make("", ""));
  CHECK(DaemonClient::Make("", "abcDEF-._~+/=")->Name() == "/run/spawnd/spawnd.sock");
}
