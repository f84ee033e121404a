/// Incremental parser of one HTTP/1.1 response: bytes in, status and body out. Wraps llhttp, which knows
/// content-length, chunked and until-close bodies. Not thread-safe; nothing here touches a socket.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace spawnd::client {

/// Status line and headers together; the daemon sends a few hundred bytes.
inline constexpr size_t kMaxHeaderBytes = 16 * 1024;

class HttpResponseParser {
 public:
  /// `on_body` gets the decoded body piece by piece, after Status() and ContentType() are known; an error
  /// from it ends the parse and comes out of Feed.
  explicit HttpResponseParser(std::function<Result<void>(std::string_view)> on_body);
  ~HttpResponseParser();
  HttpResponseParser(const HttpResponseParser&) = delete;
  HttpResponseParser& operator=(const HttpResponseParser&) = delete;

  /// Takes the next bytes from the connection; bytes after the end of the response are ignored. Errors:
  /// kUnavailable for what is not HTTP or breaks a limit, and what `on_body` says.
  Result<void> Feed(std::string_view bytes);
  /// The connection has ended. kUnavailable when that cut the response short.
  Result<void> End();

  bool Complete() const;
  bool HeadersComplete() const;
  int Status() const;                      ///< 0 before the headers are complete
  const std::string& ContentType() const;  ///< in lower case, without parameters

 private:
  struct State;  // keeps llhttp.h out of this header
  std::unique_ptr<State> state_;
};

}  // namespace spawnd::client
