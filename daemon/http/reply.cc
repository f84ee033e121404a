/// Reply hands on what it is told to the exchange that its copies share.
#include "api/error_codes.h"
#include "daemon/http/exchange.h"

namespace spawnd::daemon::http {

namespace {

/// Why nobody answers any more, when the handler has not said so: a client that goes away is no error of
/// ours.
Error WhyDropped(const Exchange& exchange) {
  if (exchange.ClientGone().stop_requested()) return {ErrorCode::kCancelled, "the client has gone"};
  return {ErrorCode::kInternal, "the request was dropped without an answer"};
}

}  // namespace

Reply::Channel::~Channel() {
  if (!error_) error_ = WhyDropped(*exchange_);
  Ends(exchange_->IsStream() ? 200 : api::HttpStatus(error_->code));
  exchange_->Abandon();
}

void Reply::Channel::Failed(const Error& error) {
  const std::lock_guard lock(mutex_);
  error_ = error;
}

void Reply::Channel::WhenEnded(std::function<void(const Outcome&)> tell) {
  const std::lock_guard lock(mutex_);
  tell_ = std::move(tell);
}

void Reply::Channel::Ends(int status) {
  std::function<void(const Outcome&)> tell;
  Outcome outcome{status, {}};
  {
    const std::lock_guard lock(mutex_);
    tell = std::exchange(tell_, nullptr);
    outcome.error = error_;
  }
  if (tell) tell(outcome);
}

void Reply::Send(int status, std::string json,
                 std::vector<std::pair<std::string, std::string>> headers) const {
  channel_->Ends(status);
  channel_->Get().Send(status, std::move(json), std::move(headers));
}

void Reply::SendText(std::string text, std::string_view content_type) const {
  channel_->Ends(200);
  channel_->Get().Send(200, std::move(text), {}, content_type);
}

void Reply::Begin() const {
  channel_->Get().Begin("application/x-ndjson");
}

void Reply::BeginText() const {
  channel_->Get().Begin("text/plain; charset=utf-8");
}

void Reply::BeginBytes() const {
  channel_->Get().Begin("application/octet-stream");
}

bool Reply::WaitForRoom(size_t bytes, std::chrono::milliseconds patience, const std::stop_token& stop) const {
  return channel_->Get().WaitForRoom(bytes, patience, stop);
}

bool Reply::HasRoom(size_t bytes) const {
  return channel_->Get().HasRoom(bytes);
}

void Reply::Line(std::string line) const {
  channel_->Get().Line(std::move(line));
}

void Reply::End() const {
  channel_->Ends(200);
  channel_->Get().End();
}

std::stop_token Reply::ClientGone() const {
  return channel_->Get().ClientGone();
}

void Reply::IfUndelivered(std::function<void()> take_back) const {
  channel_->Get().IfUndelivered(std::move(take_back));
}

void Reply::Failed(const Error& error) const {
  channel_->Failed(error);
}

void Reply::WhenEnded(std::function<void(const Outcome&)> tell) const {
  channel_->WhenEnded(std::move(tell));
}

}  // namespace spawnd::daemon::http
