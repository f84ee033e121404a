#include "client/http/response.h"

#include <fmt/core.h>
#include <llhttp.h>

#include <optional>
#include <utility>

#include "base/text.h"

namespace spawnd::client {
namespace {

/// "application/x-ndjson; charset=utf-8" -> "application/x-ndjson"
std::string MediaType(std::string_view value) {
  const std::string_view type = value.substr(0, value.find(';'));
  return LowerCase(type.substr(0, type.find_last_not_of(" \t") + 1));
}

}  // namespace

struct HttpResponseParser::State {
  llhttp_t parser{};
  llhttp_settings_t settings{};
  std::function<Result<void>(std::string_view)> on_body;
  size_t header_bytes = 0;
  bool too_long = false;
  bool headers_complete = false;
  bool complete = false;
  std::string field;
  std::string value;
  std::string content_type;
  std::optional<Error> body_error;

  static State& Of(llhttp_t* parser) { return *static_cast<State*>(parser->data); }

  /// Headers arrive in pieces, wherever the socket cut them; trailers come the same way and are not kept.
  int Append(std::string& text, const char* at, size_t length) {
    header_bytes += length;
    if (header_bytes > kMaxHeaderBytes) {
      too_long = true;
      return -1;
    }
    if (!headers_complete) text.append(at, length);
    return 0;
  }

  int EndOfHeader() {
    if (LowerCase(field) == "content-type") content_type = MediaType(value);
    field.clear();
    value.clear();
    return 0;
  }

  int Body(std::string_view bytes) {
    if (auto taken = on_body(bytes); !taken) {
      body_error = std::move(taken.error());
      return -1;
    }
    return 0;
  }
};

HttpResponseParser::HttpResponseParser(std::function<Result<void>(std::string_view)> on_body)
    : state_(std::make_unique<State>()) {
  State& state = *state_;
  state.on_body = std::move(on_body);
  llhttp_settings_init(&state.settings);
  state.settings.on_status = [](llhttp_t* parser, const char* at, size_t length) {
    State& self = State::Of(parser);
    const int result = self.Append(self.value, at, length);
    self.value.clear();
    return result;
  };
  state.settings.on_header_field = [](llhttp_t* parser, const char* at, size_t length) {
    return State::Of(parser).Append(State::Of(parser).field, at, length);
  };
  state.settings.on_header_value = [](llhttp_t* parser, const char* at, size_t length) {
    return State::Of(parser).Append(State::Of(parser).value, at, length);
  };
  state.settings.on_header_value_complete = [](llhttp_t* parser) { return State::Of(parser).EndOfHeader(); };
  state.settings.on_headers_complete = [](llhttp_t* parser) {
    // 1xx would be an answer to something this client never asks for.
    if (parser->status_code < 200) return -1;
    State::Of(parser).headers_complete = true;
    return 0;
  };
  state.settings.on_body = [](llhttp_t* parser, const char* at, size_t length) {
    return State::Of(parser).Body({at, length});
  };
  state.settings.on_message_complete = [](llhttp_t* parser) {
    State::Of(parser).complete = true;
    return static_cast<int>(HPE_PAUSED);  // one request a connection: what follows is not looked at
  };
  llhttp_init(&state.parser, HTTP_RESPONSE, &state.settings);
  state.parser.data = &state;
}

HttpResponseParser::~HttpResponseParser() = default;

Result<void> HttpResponseParser::Feed(std::string_view bytes) {
  State& state = *state_;
  if (state.complete) return {};
  const llhttp_errno_t error = llhttp_execute(&state.parser, bytes.data(), bytes.size());
  if (state.complete) return {};
  if (state.body_error) return Fail(*state.body_error);
  if (state.too_long) {
    return Fail(ErrorCode::kUnavailable,
                fmt::format("the answer's headers are longer than {} bytes", kMaxHeaderBytes));
  }
  if (error != HPE_OK) {
    const char* reason = llhttp_get_error_reason(&state.parser);
    return Fail(ErrorCode::kUnavailable,
                fmt::format("the answer is not HTTP/1.1: {}",
                            reason != nullptr && *reason != '\0' ? reason : llhttp_errno_name(error)));
  }
  return {};
}

Result<void> HttpResponseParser::End() {
  State& state = *state_;
  if (state.complete) return {};
  const llhttp_errno_t error = llhttp_finish(&state.parser);
  if (!state.headers_complete) {
    return Fail(ErrorCode::kUnavailable, "the connection was closed before an answer came");
  }
  if (error != HPE_OK && !state.complete) {
    return Fail(ErrorCode::kUnavailable, "the connection was closed in the middle of the answer");
  }
  state.complete = true;
  return {};
}

bool HttpResponseParser::Complete() const {
  return state_->complete;
}
bool HttpResponseParser::HeadersComplete() const {
  return state_->headers_complete;
}
int HttpResponseParser::Status() const {
  return state_->headers_complete ? state_->parser.status_code : 0;
}
const std::string& HttpResponseParser::ContentType() const {
  return state_->content_type;
}

}  // namespace spawnd::client
