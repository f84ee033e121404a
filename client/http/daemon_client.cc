#include "client/http/daemon_client.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "api/json.h"
#include "base/percent_encode.h"
#include "client/http/connection.h"
#include "client/version.h"

namespace spawnd::client {
namespace {

/// Get and delete touch the catalog only; a daemon that takes longer is in trouble.
constexpr std::chrono::seconds kShortDeadline{60};
/// On the way to another error.
constexpr std::chrono::seconds kVersionDeadline{5};
constexpr int kNoSuchPath = 404;
constexpr size_t kMaxTokenLength = 4096;

bool IsTokenCharacter(char c) {
  return c > 0x20 && c < 0x7f;  // what may stand in a header line
}

}  // namespace

Result<DaemonClient> DaemonClient::Make(std::string_view endpoint, std::string_view token) {
  TRY_ASSIGN(Endpoint where, ParseEndpoint(endpoint.empty() ? kDefaultEndpoint : endpoint));
  if (token.size() > kMaxTokenLength || !std::all_of(token.begin(), token.end(), IsTokenCharacter)) {
    return Fail(ErrorCode::kInvalidArgument, "the access token has characters that no token has",
                "Check --accessToken and SPAWNCTL_ACCESS_TOKEN.");
  }
  return DaemonClient(std::move(where), std::string(token));
}

std::string DaemonClient::Target(std::string_view collection, std::string_view ref) {
  return fmt::format("{}/{}", collection, PercentEncode(ref));
}

Result<HttpResponse> DaemonClient::Send(HttpRequest request, const Waiting& waiting) const {
  request.token = token_;
  TRY_ASSIGN(Connection connection,
             Dial(endpoint_, request.descriptors, waiting.cancel_fd, waiting.held != nullptr));
  if (endpoint_.IsRemote()) request.sent_files = std::exchange(request.descriptors, {}).size();
  auto response = Exchange(connection.Fd(), request, waiting);
  if (response && waiting.held != nullptr)
    *waiting.held = std::make_shared<Connection>(std::move(connection));
  if (!response && response.error().code == ErrorCode::kUnavailable) {
    return Fail(ErrorCode::kUnavailable, fmt::format("spawnd at {}: {}", Name(), response.error().message),
                endpoint_.IsRemote() ? "What ssh, or spawnctl over there, said stands above."
                                     : "Look at the daemon's log: journalctl -u spawnd");
  }
  return response;
}

Result<std::string> DaemonClient::BodyOf(HttpResponse response) const {
  if (response.status >= 200 && response.status < 300) return std::move(response.body);
  Error said = api::ErrorFromJson(response.body);
  return Fail(response.status == kNoSuchPath ? NotFound(std::move(said)) : std::move(said));
}

Error DaemonClient::NotFound(Error said) const {
  Waiting waiting;
  waiting.deadline = kVersionDeadline;
  const auto asked = Send({"GET", "/v1/version", {}, {}}, waiting);
  if (!asked) return said;
  if (asked->status == kNoSuchPath) {
    return {
        ErrorCode::kUnavailable,
        fmt::format("spawnd at {} is of another version: it does not know API {}, which spawnctl {} speaks",
                    Name(), api::kApiVersion, ClientVersion()),
        "Use the spawnctl that came with it; 'spawnd --version' says which version that is."};
  }
  const auto version = api::FromJson<api::Version>(asked->body);
  if (asked->status != 200 || !version || version->version == ClientVersion()) return said;
  // The request may be one that the other does not know yet, or no more.
  said.hint += fmt::format("{}spawnctl is version {}, spawnd {}.", said.hint.empty() ? "" : " ",
                           ClientVersion(), version->version);
  return said;
}

Result<std::string> DaemonClient::Get(const std::string& target, std::string_view accept) const {
  Waiting waiting;
  waiting.deadline = kShortDeadline;
  TRY_ASSIGN(HttpResponse response, Send({"GET", target, {}, {}, {}, std::string(accept)}, waiting));
  return BodyOf(std::move(response));
}

Result<void> DaemonClient::GetText(const std::string& target,
                                   const std::function<Result<void>(std::string_view)>& on_text,
                                   int cancel_fd) const {
  Waiting waiting;
  waiting.cancel_fd = cancel_fd;
  waiting.on_text = on_text;
  TRY_ASSIGN(HttpResponse response, Send({"GET", target, {}, {}}, waiting));
  return BodyOf(std::move(response)).map([](const std::string&) {});
}

Result<void> DaemonClient::GetLines(const std::string& target,
                                    const std::function<Result<void>(std::string_view)>& on_line,
                                    int cancel_fd) const {
  Waiting waiting;
  waiting.cancel_fd = cancel_fd;
  waiting.on_line = on_line;
  TRY_ASSIGN(HttpResponse response, Send({"GET", target, {}, {}}, waiting));
  return BodyOf(std::move(response)).map([](const std::string&) {});
}

Result<std::string> DaemonClient::Post(const std::string& target, std::string body) const {
  Waiting waiting;
  waiting.deadline = kShortDeadline;
  TRY_ASSIGN(HttpResponse response, Send({"POST", target, {}, std::move(body)}, waiting));
  return BodyOf(std::move(response));
}

Result<std::string> DaemonClient::Upload(const std::string& target, uint64_t bytes,
                                         std::function<Result<std::string_view>()> next) const {
  HttpRequest request{"POST", target, {}, {}};
  request.stream = std::move(next);
  request.stream_bytes = bytes;
  TRY_ASSIGN(HttpResponse response, Send(std::move(request), {}));
  return BodyOf(std::move(response));
}

Result<std::string> DaemonClient::Delete(const std::string& target) const {
  Waiting waiting;
  waiting.deadline = kShortDeadline;
  TRY_ASSIGN(HttpResponse response, Send({"DELETE", target, {}, {}}, waiting));
  return BodyOf(std::move(response));
}

Result<std::string> DaemonClient::Create(const std::string& target, std::string body,
                                         const CreateEvents& events, std::vector<int> descriptors) const {
  std::optional<std::string> result;
  std::optional<Error> error;
  Waiting waiting;
  waiting.cancel_fd = events.cancel_fd;
  waiting.on_cancel = events.on_cancel;
  waiting.on_tick = events.on_tick;
  waiting.held = events.held;
  waiting.on_line = [&](std::string_view text) -> Result<void> {
    TRY_ASSIGN(api::StreamLine line, api::ParseStreamLine(text));
    if (const auto* progress = std::get_if<api::Progress>(&line)) {
      if (events.on_progress) events.on_progress(*progress);
    } else if (auto* done = std::get_if<api::StreamResult>(&line)) {
      result = std::move(done->json);
    } else {
      error = std::get<Error>(std::move(line));
    }
    return {};
  };
  auto response = Send({"POST", target, {}, std::move(body), std::move(descriptors)}, waiting);
  if (!response) {
    if (response.error().code != ErrorCode::kCancelled && events.on_unheard) events.on_unheard();
    return Fail(std::move(response.error()));
  }
  if (error) return Fail(std::move(*error));
  if (result) return std::move(*result);
  TRY(BodyOf(std::move(*response)));
  if (events.on_unheard) events.on_unheard();
  return Fail(ErrorCode::kUnavailable, fmt::format("spawnd at {} ended its answer without a result", Name()),
              "Look at the daemon's log: journalctl -u spawnd");
}

}  // namespace spawnd::client
