/// HTTP/1.1 over a Unix socket, on the loop thread. Parses with llhttp, one request at a time per connection,
/// keep-alive. Limits on everything a caller controls are in Limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/http/message.h"

typedef struct uv_loop_s uv_loop_t;

namespace spawnd::daemon::http {

/// Connections: those that are open now, and since the start.
struct ConnectionCounts {
  size_t open = 0;
  uint64_t accepted = 0;
  uint64_t refused = 0;  ///< of the accepted: one too many
};

class Server {
 public:
  /// Serves on a listening Unix socket until Close. `handler` runs on the loop thread and must not block. A
  /// request that breaks a limit or the protocol is answered (400, 408, 413, 414, 431, 505) as JSON and
  /// closed; so is a connection that is one too many (429, 503), at once.
  static Result<std::unique_ptr<Server>> Start(uv_loop_t* loop, UniqueFd listening_socket,
                                               const Limits& limits, Handler handler);
  virtual ~Server() = default;
  /// How many connections that user has. Loop thread.
  virtual size_t ConnectionsOf(uid_t uid) const = 0;
  virtual ConnectionCounts Counts() const = 0;
  /// Stops accepting and closes connections as their present answers end; `done` runs on the loop thread
  /// after that.
  virtual void Close(std::function<void()> done) = 0;
};

}  // namespace spawnd::daemon::http
