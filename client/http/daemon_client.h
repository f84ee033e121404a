/// What spawnctl asks of the daemon: one connection a request. One is used by one thread at a time; copies
/// are cheap.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/types.h"
#include "base/result.h"
#include "client/http/endpoint.h"
#include "client/http/exchange.h"

namespace spawnd::client {

inline constexpr std::string_view kDefaultEndpoint = "unix:///run/spawnd/spawnd.sock";

/// What Create calls while its request runs, and how it is told to stop.
struct CreateEvents {
  std::function<void(const api::Progress&)> on_progress;
  std::function<void()> on_tick;
  int cancel_fd = -1;                  ///< readable: have the work cancelled
  std::function<void()> on_cancel{};   ///< as in Waiting: hear how that ended
  std::function<void()> on_unheard{};  ///< the request was sent, and nobody knows how it ended
  /// As of Waiting.
  std::shared_ptr<Connection>* held = nullptr;
};

class DaemonClient {
 public:
  /// `endpoint` empty: kDefaultEndpoint. `token` empty: none is sent. Error: kInvalidArgument.
  static Result<DaemonClient> Make(std::string_view endpoint, std::string_view token);

  /// Where the daemon is, for messages.
  const std::string& Name() const { return endpoint_.Name(); }
  const Endpoint& Where() const { return endpoint_; }

  /// JSON of the answer, or the content type that `accept` asks for. `target` such as "/v1/version". Errors:
  /// kUnavailable, kTimeout, and the daemon's.
  Result<std::string> Get(const std::string& target, std::string_view accept = {}) const;
  /// Gives the text of the answer to `on_text` as it comes, for as long as it comes. `cancel_fd` is that
  /// of CreateEvents. Errors as Get, kCancelled, and what `on_text` says.
  Result<void> GetText(const std::string& target,
                       const std::function<Result<void>(std::string_view)>& on_text, int cancel_fd) const;
  /// The same for an answer in lines, each without its end.
  Result<void> GetLines(const std::string& target,
                        const std::function<Result<void>(std::string_view)>& on_line, int cancel_fd) const;
  /// POSTs `body`. JSON of the answer.
  Result<std::string> Post(const std::string& target, std::string body) const;
  /// POSTs `bytes` bytes that come from `next`. JSON of the answer.
  Result<std::string> Upload(const std::string& target, uint64_t bytes,
                             std::function<Result<std::string_view>()> next) const;
  /// JSON of the answer.
  Result<std::string> Delete(const std::string& target) const;
  /// JSON of the stream's result. Errors as Get, and kCancelled: nothing was made, or it was taken back.
  /// `descriptors`: open files that the body speaks of by their places here.
  Result<std::string> Create(const std::string& target, std::string body, const CreateEvents& events,
                             std::vector<int> descriptors = {}) const;

  /// "/v1/data-images" + "a/b" -> "/v1/data-images/a%2Fb"
  static std::string Target(std::string_view collection, std::string_view ref);

 private:
  DaemonClient(Endpoint endpoint, std::string token)
      : endpoint_(std::move(endpoint)), token_(std::move(token)) {}

  Result<HttpResponse> Send(HttpRequest request, const Waiting& waiting) const;
  /// The body of a successful answer. Otherwise the error that the daemon says, or that it is of another
  /// version.
  Result<std::string> BodyOf(HttpResponse response) const;
  /// A path that is not there may be one of another version's: `said`, if it is not.
  Error NotFound(Error said) const;

  Endpoint endpoint_;
  std::string token_;
};

}  // namespace spawnd::client
