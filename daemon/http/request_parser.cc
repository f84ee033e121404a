#include "daemon/http/request_parser.h"

#include <algorithm>
#include <utility>

#include "daemon/http/target.h"

namespace spawnd::daemon::http {
namespace {

/// What a header field costs besides its letters, so that very many tiny fields reach the limit too.
constexpr size_t kBytesPerField = 32;

void ToLower(std::string& text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
}

}  // namespace

template <int (RequestParser::*Method)(std::string_view)>
int RequestParser::OnData(llhttp_t* parser, const char* at, size_t length) {
  return (static_cast<RequestParser*>(parser->data)->*Method)({at, length});
}

template <int (RequestParser::*Method)()>
int RequestParser::OnEvent(llhttp_t* parser) {
  return (static_cast<RequestParser*>(parser->data)->*Method)();
}

const llhttp_settings_t& RequestParser::Settings() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_url = OnData<&RequestParser::OnUrl>;
    s.on_header_field = OnData<&RequestParser::OnHeaderField>;
    s.on_header_value = OnData<&RequestParser::OnHeaderValue>;
    s.on_header_value_complete = OnEvent<&RequestParser::OnHeaderComplete>;
    s.on_headers_complete = OnEvent<&RequestParser::OnHeadersComplete>;
    s.on_body = OnData<&RequestParser::OnBody>;
    s.on_message_complete = OnEvent<&RequestParser::OnMessageComplete>;
    return s;
  }();
  return settings;
}

RequestParser::RequestParser(const Limits& limits) : limits_(limits) {
  llhttp_init(&parser_, HTTP_REQUEST, &Settings());
  parser_.data = this;
}

void RequestParser::Reset() {
  llhttp_reset(&parser_);
  parser_.data = this;
  state_ = State::kEmpty;
  request_ = {};
  target_.clear();
  field_.clear();
  value_.clear();
  header_bytes_ = 0;
  is_streamed_ = false;
  expects_continue_ = false;
  is_head_ = false;
  is_http10_ = false;
}

size_t RequestParser::Feed(std::string_view bytes) {
  if (bytes.empty() && state_ != State::kHead) return 0;
  if (state_ == State::kHead) llhttp_resume(&parser_);
  state_ = State::kReceiving;
  const llhttp_errno_t code = llhttp_execute(&parser_, bytes.data(), bytes.size());
  if (code == HPE_OK) return bytes.size();
  const size_t consumed = static_cast<size_t>(llhttp_get_error_pos(&parser_) - bytes.data());
  if (code != HPE_PAUSED) BreakFromParser(code);
  return std::min(consumed, bytes.size());
}

void RequestParser::BreakFromParser(llhttp_errno_t code) {
  if (state_ == State::kBroken) return;  // a callback of ours has said more
  if (code == HPE_INVALID_VERSION || code == HPE_PAUSED_H2_UPGRADE) {
    Break(505, "only HTTP/1.1 is spoken here");
    return;
  }
  const char* reason = llhttp_get_error_reason(&parser_);
  Break(400,
        std::string("malformed HTTP request: ") + (reason != nullptr ? reason : llhttp_errno_name(code)));
}

int RequestParser::Break(int status, std::string message) {
  state_ = State::kBroken;
  error_ = {status, std::move(message)};
  keep_alive_ = false;
  return -1;
}

bool RequestParser::CountHeader(size_t bytes) {
  header_bytes_ += bytes;
  return header_bytes_ <= limits_.header_bytes;
}

int RequestParser::OnUrl(std::string_view part) {
  if (target_.size() + part.size() > limits_.target_bytes) {
    return Break(414, "the request target is longer than " + std::to_string(limits_.target_bytes) + " bytes");
  }
  target_.append(part);
  return 0;
}

int RequestParser::OnHeaderField(std::string_view part) {
  if (!CountHeader(part.size())) {
    return Break(431,
                 "the request's headers take more than " + std::to_string(limits_.header_bytes) + " bytes");
  }
  field_.append(part);
  return 0;
}

int RequestParser::OnHeaderValue(std::string_view part) {
  if (!CountHeader(part.size())) {
    return Break(431,
                 "the request's headers take more than " + std::to_string(limits_.header_bytes) + " bytes");
  }
  value_.append(part);
  return 0;
}

int RequestParser::OnHeaderComplete() {
  if (!CountHeader(kBytesPerField)) return Break(431, "the request has too many headers");
  // Trailer fields of a chunked body arrive here too: they are counted, and not believed.
  if ((parser_.flags & F_TRAILING) == 0) {
    ToLower(field_);
    while (!value_.empty() && (value_.back() == ' ' || value_.back() == '\t')) value_.pop_back();
    auto [entry, fresh] = request_.headers.emplace(field_, value_);
    if (!fresh) entry->second += ", " + value_;
  }
  field_.clear();
  value_.clear();
  return 0;
}

int RequestParser::OnHeadersComplete() {
  if (parser_.http_major != 1 || parser_.http_minor > 1) return Break(505, "only HTTP/1.1 is spoken here");
  request_.method = llhttp_method_name(static_cast<llhttp_method_t>(parser_.method));
  auto target = ParseTarget(target_);
  if (!target) return Break(400, target.error().message);
  request_.path = std::move(target->path);
  request_.query = std::move(target->query);
  is_head_ = request_.method == "HEAD";
  is_http10_ = parser_.http_minor == 0;
  is_streamed_ = limits_.is_streamed && limits_.is_streamed(request_);
  if (!is_streamed_ && (parser_.flags & F_CONTENT_LENGTH) != 0 &&
      parser_.content_length > limits_.body_bytes) {
    return Break(413, "the request body is larger than " + std::to_string(limits_.body_bytes) + " bytes");
  }
  if (const auto expect = request_.headers.find("expect"); expect != request_.headers.end() && !is_http10_) {
    ToLower(expect->second);
    if (expect->second != "100-continue") return Break(417, "unknown expectation '" + expect->second + "'");
    const bool has_body = (parser_.flags & F_CHUNKED) != 0 || parser_.content_length > 0;
    expects_continue_ = has_body;
  }
  // An offer to switch protocols may be ignored (RFC 9110 section 7.8); the body, if any, is an ordinary one.
  parser_.upgrade = 0;
  if (!is_streamed_) return 0;
  state_ = State::kHead;
  return HPE_PAUSED;
}

int RequestParser::OnBody(std::string_view part) {
  expects_continue_ = false;  // it did not wait
  if (!is_streamed_ && request_.body.size() + part.size() > limits_.body_bytes) {
    return Break(413, "the request body is larger than " + std::to_string(limits_.body_bytes) + " bytes");
  }
  request_.body.append(part);
  return 0;
}

int RequestParser::OnMessageComplete() {
  state_ = State::kComplete;
  expects_continue_ = false;
  keep_alive_ = llhttp_should_keep_alive(&parser_) != 0;
  return HPE_PAUSED;  // what follows belongs to the next request
}

bool RequestParser::TakeExpectsContinue() {
  return std::exchange(expects_continue_, false);
}

Request RequestParser::Take() {
  return std::exchange(request_, {});
}

std::string RequestParser::TakeBody() {
  return std::exchange(request_.body, {});
}

}  // namespace spawnd::daemon::http
