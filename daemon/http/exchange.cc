#include "daemon/http/exchange.h"

#include "api/json.h"

namespace spawnd::daemon::http {

Exchange::Exchange(std::function<void()> wake) : wake_(std::move(wake)) {}

void Exchange::WakeUnlessPending(std::unique_lock<std::mutex> lock) {
  if (std::exchange(wake_pending_, true)) return;  // one message in the mailbox at a time, however many lines
  lock.unlock();
  wake_();
}

void Exchange::Send(int status, std::string body, Headers headers, std::string_view content_type) {
  std::unique_lock lock(mutex_);
  if (client_gone_ || kind_ != Kind::kNothing) return;
  kind_ = Kind::kWhole;
  status_ = status;
  content_type_ = content_type;
  body_ = std::move(body);
  headers_ = std::move(headers);
  ended_ = true;
  WakeUnlessPending(std::move(lock));
}

void Exchange::Begin(std::string_view content_type) {
  std::unique_lock lock(mutex_);
  if (kind_ != Kind::kNothing) return;
  kind_ = Kind::kStream;
  content_type_ = content_type;
  if (client_gone_) return;
  WakeUnlessPending(std::move(lock));
}

bool Exchange::IsStream() {
  const std::lock_guard lock(mutex_);
  return kind_ == Kind::kStream;
}

bool Exchange::HasRoom(size_t bytes) {
  const std::lock_guard lock(mutex_);
  return HasRoomLocked(bytes);
}

bool Exchange::WaitForRoom(size_t bytes, std::chrono::milliseconds patience, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  room_.wait_for(lock, stop, patience, [&] { return client_gone_ || HasRoomLocked(bytes); });
  return HasRoomLocked(bytes);
}

void Exchange::Line(std::string line) {
  std::unique_lock lock(mutex_);
  if (client_gone_ || kind_ != Kind::kStream || ended_) return;
  if (newest_ || queued_bytes_ + line.size() > kStreamQueueBytes) {
    // The last line of a stream is its result, so the newest is kept and the one before it given up.
    newest_ = std::move(line);
  } else {
    queued_bytes_ += line.size();
    lines_.push_back(std::move(line));
  }
  WakeUnlessPending(std::move(lock));
}

void Exchange::End() {
  std::unique_lock lock(mutex_);
  if (client_gone_ || kind_ != Kind::kStream) return;
  ended_ = true;
  WakeUnlessPending(std::move(lock));
}

void Exchange::IfUndelivered(std::function<void()> take_back) {
  {
    const std::lock_guard lock(mutex_);
    if (!client_gone_) {
      undelivered_ = std::move(take_back);
      return;
    }
  }
  take_back();
}

void Exchange::Abandon() {
  std::unique_lock lock(mutex_);
  if (client_gone_ || ended_) return;
  ended_ = true;
  if (kind_ == Kind::kStream) {
    broken_ = true;
  } else {
    kind_ = Kind::kWhole;
    status_ = 500;
    body_ = api::ToJson(Error(ErrorCode::kInternal, "the request was dropped without an answer"));
  }
  WakeUnlessPending(std::move(lock));
}

Exchange::Output Exchange::Take(size_t max_bytes) {
  const std::lock_guard lock(mutex_);
  wake_pending_ = false;
  Output output;
  output.kind = kind_;
  output.status = status_;
  output.content_type = content_type_;
  output.headers = std::move(headers_);
  headers_.clear();
  output.bytes = std::exchange(body_, {});
  while (!lines_.empty() &&
         (output.bytes.empty() || output.bytes.size() + lines_.front().size() <= max_bytes)) {
    queued_bytes_ -= lines_.front().size();
    output.bytes += lines_.front();
    lines_.pop_front();
  }
  if (newest_ && lines_.empty()) {
    queued_bytes_ = newest_->size();
    lines_.push_back(std::move(*newest_));
    newest_.reset();
  }
  room_.notify_all();
  output.ended = ended_ && lines_.empty();
  output.broken = output.ended && broken_;
  return output;
}

void Exchange::MarkClientLeaving() {
  gone_.request_stop();
}

void Exchange::MarkClientGone() {
  std::function<void()> undelivered;
  {
    const std::lock_guard lock(mutex_);
    client_gone_ = true;
    undelivered = std::move(undelivered_);
    lines_.clear();
    newest_.reset();
    body_.clear();
  }
  room_.notify_all();
  // These are the handler's, so not under the lock.
  gone_.request_stop();
  if (undelivered) undelivered();
}

}  // namespace spawnd::daemon::http
