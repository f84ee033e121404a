/// One HTTP request and its response over a connected socket, blocking. For spawnctl's single thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::client {

class Connection;

inline constexpr size_t kMaxBodyBytes = size_t{64} << 20;  ///< of a response that is no stream
inline constexpr size_t kMaxLineBytes = size_t{1} << 20;   ///< of a streamed response
/// What one message can carry (SCM_MAX_FD) is more; the daemon takes no more.
inline constexpr size_t kMaxRequestDescriptors = 64;
/// Taking back what a create had begun takes some tens of milliseconds.
inline constexpr std::chrono::seconds kHearOut{20};

struct HttpRequest {
  std::string method;
  std::string target;              ///< percent-encoded
  std::string token;               ///< empty: no Authorization header
  std::string body;                ///< JSON; empty: none
  std::vector<int> descriptors{};  ///< open files that the body speaks of; they stay the caller's
  std::string accept{};            ///< a content type; empty: whatever there is
  /// Set: the body is of any size and comes from here, piece by piece, `stream_bytes` in all. An error ends
  /// the exchange.
  std::function<Result<std::string_view>()> stream{};
  uint64_t stream_bytes = 0;
  size_t sent_files = 0;  ///< as descriptors, but they went ahead (sent_files.h)
};

struct HttpResponse {
  int status = 0;
  std::string body;  ///< empty for a stream: its lines went to on_line
};

/// How to wait for the answer.
struct Waiting {
  /// Gets each line of an application/x-ndjson response, without its newline; an error ends the exchange.
  std::function<Result<void>(std::string_view line)> on_line;
  /// Gets the body of a text/plain or application/octet-stream response of status 200 piece by piece; an
  /// error ends the exchange.
  std::function<Result<void>(std::string_view bytes)> on_text{};
  /// Readable: give up with kCancelled. -1: never.
  int cancel_fd = -1;
  /// Set: a request that has been sent is not given up at once. The first time, this is called to empty
  /// cancel_fd, the daemon is told that its work is not wanted any more, and its answer is waited for all the
  /// same: only that says what became of it. kTimeout the second time, or kHearOut later.
  std::function<void()> on_cancel{};
  /// Set: gets the connection once it is answered, for as long as the process over there that asked is to
  /// stay (Dial).
  std::shared_ptr<Connection>* held = nullptr;
  /// For the whole exchange, then kTimeout. 0: for ever.
  std::chrono::milliseconds deadline{0};
  /// Called about every `tick` while nothing comes.
  std::function<void()> on_tick;
  std::chrono::milliseconds tick{100};
};

/// Connects to the daemon's socket. kUnavailable: "cannot reach spawnd at <path>: <cause>", with a hint.
Result<UniqueFd> ConnectUnix(const std::string& path);

/// Sends the request and takes the response. The caller closes `fd` afterwards, which is also what tells the
/// daemon that a cancelled request's work is not wanted any more. Errors: kUnavailable when the connection
/// broke or what came is not HTTP, kTimeout, kCancelled, and what `on_line` says.
Result<HttpResponse> Exchange(int fd, const HttpRequest& request, const Waiting& waiting);

}  // namespace spawnd::client
