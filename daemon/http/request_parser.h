/// One HTTP/1.1 request after the other out of the bytes of a connection: llhttp (strict), our limits, and
/// the decoding of the target. Loop thread; no I/O.
#pragma once

#include <llhttp.h>

#include <string>
#include <string_view>

#include "daemon/http/message.h"

namespace spawnd::daemon::http {

/// An answer that the protocol asks for: 400, 413, 414, 417, 431 or 505.
struct ProtocolError {
  int status = 0;
  std::string message;
};

class RequestParser {
 public:
  enum class State {
    kEmpty,      ///< waits for the first byte of a request
    kReceiving,  ///< has a part of one
    kHead,       ///< has the headers of one with a streamed body: Take it, then go on
    kComplete,   ///< Take it, then Reset
    kBroken,     ///< Error() says why; the connection cannot be used further
  };

  explicit RequestParser(const Limits& limits);
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  /// Consumes bytes up to the end of the present request, or of the headers of one with a streamed body;
  /// returns how many. Call in kEmpty, kReceiving and kHead; there also without bytes: the body may be empty.
  size_t Feed(std::string_view bytes);

  State GetState() const { return state_; }
  const ProtocolError& Error() const { return error_; }
  /// True once per request: the client waits for "100 Continue" before it sends the body.
  bool TakeExpectsContinue();
  /// Without the peer.
  Request Take();
  /// What has come of a streamed body since the last time.
  std::string TakeBody();
  bool KeepAlive() const { return keep_alive_; }
  bool IsHead() const { return is_head_; }
  bool IsHttp10() const { return is_http10_; }  ///< knows no chunks
  /// Ready for the next request of the connection.
  void Reset();

 private:
  template <int (RequestParser::*Method)(std::string_view)>
  static int OnData(llhttp_t* parser, const char* at, size_t length);
  template <int (RequestParser::*Method)()>
  static int OnEvent(llhttp_t* parser);
  static const llhttp_settings_t& Settings();

  int OnUrl(std::string_view part);
  int OnHeaderField(std::string_view part);
  int OnHeaderValue(std::string_view part);
  int OnHeaderComplete();
  int OnHeadersComplete();
  int OnBody(std::string_view part);
  int OnMessageComplete();

  int Break(int status, std::string message);
  bool CountHeader(size_t bytes);
  void BreakFromParser(llhttp_errno_t code);

  const Limits limits_;
  llhttp_t parser_{};
  State state_ = State::kEmpty;
  ProtocolError error_;
  Request request_;
  std::string target_;
  std::string field_;
  std::string value_;
  size_t header_bytes_ = 0;
  bool is_streamed_ = false;
  bool expects_continue_ = false;
  bool keep_alive_ = false;
  bool is_head_ = false;
  bool is_http10_ = false;
};

}  // namespace spawnd::daemon::http
