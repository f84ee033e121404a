#include "daemon/http/response.h"

#include <fmt/format.h>

namespace spawnd::daemon::http {
namespace {

std::string_view Reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 417:
      return "Expectation Failed";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Status";  // the phrase may be anything (RFC 9112 section 4)
  }
}

}  // namespace

std::string FormatHead(const ResponseHead& head) {
  std::string text = fmt::format("HTTP/1.1 {} {}\r\n", head.status, Reason(head.status));
  // A 204 has neither type nor length (RFC 9110 section 8.6).
  if (head.status != 204) {
    text += fmt::format("Content-Type: {}\r\n", head.content_type);
    if (head.chunked) {
      text += "Transfer-Encoding: chunked\r\n";
    } else if (!head.until_close) {
      text += fmt::format("Content-Length: {}\r\n", head.content_length);
    }
  }
  for (const auto& [name, value] : head.headers) text += fmt::format("{}: {}\r\n", name, value);
  text += head.keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
  return text + "\r\n";
}

std::string FormatChunk(std::string_view data) {
  if (data.empty()) return {};
  return fmt::format("{:x}\r\n{}\r\n", data.size(), data);
}

}  // namespace spawnd::daemon::http
