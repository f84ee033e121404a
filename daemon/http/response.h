/// The bytes of an HTTP/1.1 response. Pure, safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spawnd::daemon::http {

struct ResponseHead {
  int status = 200;
  std::string_view content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  bool keep_alive = true;
  bool chunked = false;      ///< else content_length counts, unless until_close
  bool until_close = false;  ///< the body ends with the connection: a stream to an HTTP/1.0 client
  size_t content_length = 0;
};

/// Status line and headers, with the empty line.
std::string FormatHead(const ResponseHead& head);

/// One chunk of a chunked body. Empty data gives nothing: an empty chunk would end the body.
std::string FormatChunk(std::string_view data);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace spawnd::daemon::http
