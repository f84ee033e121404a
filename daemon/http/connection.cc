#include "daemon/http/connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <utility>

#include "api/json.h"
#include "daemon/http/peer.h"
#include "daemon/http/response.h"

namespace spawnd::daemon::http {
namespace {

/// Requests that a client may send ahead while an earlier one is answered; then the socket is not read
/// further.
constexpr size_t kPipelinedBytes = 64 * 1024;
/// Handed to the kernel at most before more lines are taken from the exchange, where they are bounded.
constexpr size_t kUnsentBytes = 64 * 1024;
/// How long to read and drop what a client still sends after its last answer. Closing with unread bytes would
/// break its send before it has read why (RFC 9112 section 9.6).
constexpr uint64_t kLingerMilliseconds = 1'000;
/// How often to look whether a client that has closed its sending half is still there. Without that, many
/// that gave up while their work was queued would keep everybody else out.
constexpr uint64_t kLookMilliseconds = 500;

ErrorCode CodeOf(int status) {
  if (status == 408) return ErrorCode::kTimeout;
  if (status == 505) return ErrorCode::kUnsupported;
  return ErrorCode::kInvalidArgument;
}

}  // namespace

Connection::Connection(UniqueFd socket, ConnectionOwner* owner, uint64_t id)
    : owner_(owner), id_(id), socket_(std::move(socket)), parser_(owner->GetLimits()) {
  poll_.data = this;
  timer_.data = this;
}

Connection* Connection::Begin(uv_loop_t* loop, UniqueFd socket, ConnectionOwner* owner, uint64_t id) {
  auto peer = PeerOf(socket.Get());
  if (!peer) return nullptr;
  auto* connection = new Connection(std::move(socket), owner, id);
  if (uv_poll_init(loop, &connection->poll_, connection->socket_.Get()) != 0) {
    delete connection;
    return nullptr;
  }
  uv_timer_init(loop, &connection->timer_);
  connection->open_handles_ = 2;
  connection->peer_ = std::move(*peer);
  connection->SetTimer(owner->GetLimits().idle_milliseconds);
  connection->SetReading(true);
  return connection;
}

void Connection::SetReading(bool reading) {
  reading_ = reading;
  Watch();
}

void Connection::Watch() {
  if (state_ == State::kClosed) return;
  const int wanted = (reading_ ? UV_READABLE : 0) | (UnsentBytes() > 0 ? UV_WRITABLE : 0);
  if (wanted == watched_) return;
  watched_ = wanted;
  const int code = wanted == 0 ? uv_poll_stop(&poll_) : uv_poll_start(&poll_, wanted, OnReady);
  if (code != 0) Close();
}

void Connection::OnReady(uv_poll_t* handle, int status, int events) {
  auto* self = static_cast<Connection*>(handle->data);
  if (status < 0) return self->Close();  // the other side is gone, with our answer unread
  if ((events & UV_READABLE) != 0 && self->reading_) self->Read();
  if ((events & UV_WRITABLE) != 0) self->Continue();
}

void Connection::Read() {
  const std::span<char> memory = owner_->ReadBuffer();
  const bool take = state_ != State::kLingering && owner_->Closer()->HasRoom(peer_.socket.uid);
  std::vector<UniqueFd> descriptors;
  const ssize_t count = ReceiveBytes(socket_.Get(), memory, take ? &descriptors : nullptr);
  if (count > 0) return Receive({memory.data(), static_cast<size_t>(count)}, std::move(descriptors));
  if (count == 0) return ReceiveEnd();
  if (errno != EAGAIN && errno != EINTR) Close();
}

void Connection::Receive(std::string_view bytes, std::vector<UniqueFd> descriptors) {
  if (!descriptors.empty()) {
    if (!descriptors_) {
      descriptors_ = std::make_shared<Descriptors>(owner_->Closer(), peer_.socket.uid);
    }
    descriptors_->Add(std::move(descriptors));
    if (descriptors_->Size() > kMaxDescriptors) return TooManyDescriptors();
  }
  if (state_ == State::kLingering || state_ == State::kClosed) return;
  input_.append(bytes);
  if (body_) {
    FeedBody();
  } else if (state_ == State::kReading) {
    Process();
  } else if (input_.size() >= kPipelinedBytes) {
    SetReading(false);
  }
}

void Connection::TooManyDescriptors() {
  if (state_ != State::kReading) return Close();
  Refuse({400, "more than " + std::to_string(kMaxDescriptors) + " descriptors came along with one request"});
}

void Connection::ReceiveEnd() {
  SetReading(false);
  input_ended_ = true;
  if (PeerGone() || (state_ != State::kAnswering && state_ != State::kFlushing)) return Close();
  keep_alive_ = false;
  input_.clear();
  if (body_) std::exchange(body_, nullptr)->Break({ErrorCode::kCancelled, "the request's body broke off"});
  if (state_ == State::kAnswering) SetTimer(kLookMilliseconds);
  if (exchange_) exchange_->MarkClientLeaving();
}

/// A read shows the end of what is received only. The end of both directions is POLLHUP (unix(7), poll(2)).
bool Connection::PeerGone() const {
  pollfd polled{socket_.Get(), 0, 0};
  return ::poll(&polled, 1, 0) > 0 && (polled.revents & (POLLHUP | POLLERR)) != 0;
}

void Connection::Process() {
  while (state_ == State::kReading && !input_.empty()) {
    if (parser_.GetState() == RequestParser::State::kEmpty) {
      SetTimer(owner_->GetLimits().request_milliseconds);
    }
    input_.erase(0, parser_.Feed(input_));
    if (parser_.TakeExpectsContinue()) Queue("HTTP/1.1 100 Continue\r\n\r\n");
    if (parser_.GetState() == RequestParser::State::kBroken) {
      Refuse(parser_.Error());
    } else if (parser_.GetState() == RequestParser::State::kComplete ||
               parser_.GetState() == RequestParser::State::kHead) {
      Dispatch();
    }
  }
}

void Connection::Dispatch() {
  uv_timer_stop(&timer_);
  state_ = State::kAnswering;
  const bool streamed = parser_.GetState() == RequestParser::State::kHead;
  keep_alive_ = !streamed && parser_.KeepAlive();
  is_head_ = parser_.IsHead();
  is_http10_ = parser_.IsHttp10();
  stream_begun_ = false;
  Request request = parser_.Take();
  request.peer = peer_;
  if (const auto attached = AttachDescriptors(request); !attached) {
    return Refuse({400, attached.error().message});
  }
  if (streamed) {
    BeginBody(request);
  } else {
    parser_.Reset();
  }
  exchange_ = std::make_shared<Exchange>(owner_->WakerOf(id_));
  // Last: the handler may close the server.
  owner_->Handle(std::move(request), Reply(std::make_shared<Reply::Channel>(exchange_)));
}

Result<void> Connection::AttachDescriptors(Request& request) {
  const std::shared_ptr<Descriptors> came = std::exchange(descriptors_, nullptr);
  const auto header = request.headers.find(kDescriptorsHeader);
  if (header == request.headers.end()) return {};  // nobody asked for them: closed
  const std::string& text = header->second;
  size_t announced = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), announced);
  if (error != std::errc() || end != text.data() + text.size() || announced > kMaxDescriptors) {
    return Fail(ErrorCode::kInvalidArgument, "Spawn-Descriptors is no number from 0 to " +
                                                 std::to_string(kMaxDescriptors) + ": '" + text + "'");
  }
  const size_t count = came ? came->Size() : 0;
  if (count != announced) {
    return Fail(ErrorCode::kInvalidArgument, "Spawn-Descriptors announces " + std::to_string(announced) +
                                                 ", and " + std::to_string(count) +
                                                 " came with the first bytes of the request (SCM_RIGHTS)");
  }
  request.descriptors = came;
  return {};
}

void Connection::BeginBody(Request& request) {
  body_ = std::make_shared<BodyStream>(owner_->WakerOf(id_));
  request.stream = body_;
  SetTimer(owner_->GetLimits().idle_milliseconds);
}

/// What came of a streamed body goes on its way, as far as there is room.
void Connection::FeedBody() {
  while (body_ && !body_->Full() && (!input_.empty() || parser_.GetState() == RequestParser::State::kHead)) {
    input_.erase(0, parser_.Feed(input_));
    const std::string bytes = parser_.TakeBody();
    if (parser_.GetState() == RequestParser::State::kBroken) {
      keep_alive_ = false;
      input_.clear();
      std::exchange(body_, nullptr)->Break({ErrorCode::kInvalidArgument, parser_.Error().message});
      return;
    }
    body_->Offer(bytes);
    if (parser_.GetState() == RequestParser::State::kComplete) EndBody();
  }
  SetReading(!body_ || !body_->Full());
  if (body_) SetTimer(reading_ ? owner_->GetLimits().idle_milliseconds : kLookMilliseconds);
}

void Connection::EndBody() {
  keep_alive_ = parser_.KeepAlive();
  parser_.Reset();
  uv_timer_stop(&timer_);
  std::exchange(body_, nullptr)->Finish();
}

void Connection::Refuse(const ProtocolError& error) {
  TurnAway(error.status, Error(CodeOf(error.status), error.message));
}

void Connection::TurnAway(int status, const Error& why) {
  state_ = State::kAnswering;
  keep_alive_ = false;
  input_.clear();
  Exchange::Output output;
  output.status = status;
  output.bytes = api::ToJson(why);
  SendWhole(std::move(output));
}

void Connection::Pump() {
  if (body_ && body_->Asked()) {
    if (parser_.TakeExpectsContinue()) Queue("HTTP/1.1 100 Continue\r\n\r\n");
    FeedBody();
  }
  SendAnswer();
}

void Connection::SendAnswer() {
  while (state_ == State::kAnswering && exchange_ && UnsentBytes() < kUnsentBytes) {
    Exchange::Output output = exchange_->Take(kUnsentBytes);
    if (output.kind == Exchange::Kind::kNothing) return;
    if (output.kind == Exchange::Kind::kWhole) {
      SendWhole(std::move(output));
      return;
    }
    if (!std::exchange(stream_begun_, true)) SendStreamHead(output.content_type);
    const bool nothing_new = output.bytes.empty();
    if (!is_head_) Queue(is_http10_ ? std::move(output.bytes) : FormatChunk(output.bytes));
    if (output.broken) {
      Close();
    } else if (output.ended) {
      if (!is_head_ && !is_http10_) Queue(std::string(kLastChunk));
      AnswerQueued();
    } else if (nothing_new) {
      return;
    }
  }
}

void Connection::SendWhole(Exchange::Output output) {
  if (owner_->Closing()) keep_alive_ = false;
  ResponseHead head;
  head.status = output.status;
  if (!output.content_type.empty()) head.content_type = output.content_type;
  head.headers = std::move(output.headers);
  head.keep_alive = keep_alive_;
  head.content_length = output.bytes.size();
  const bool has_body = !is_head_ && output.status != 204;
  Queue(FormatHead(head) + (has_body ? output.bytes : std::string()));
  AnswerQueued();
}

void Connection::SendStreamHead(std::string_view content_type) {
  if (owner_->Closing() || is_http10_) keep_alive_ = false;
  ResponseHead head;
  head.content_type = content_type;
  head.keep_alive = keep_alive_;
  head.chunked = !is_http10_;
  head.until_close = is_http10_;
  Queue(FormatHead(head));
}

void Connection::Queue(std::string_view bytes) {
  if (state_ == State::kClosed || bytes.empty()) return;
  output_.append(bytes);
  Flush();
}

void Connection::Flush() {
  if (state_ == State::kClosed) return;
  while (UnsentBytes() > 0) {
    const ssize_t count =
        ::send(socket_.Get(), output_.data() + output_sent_, UnsentBytes(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0) return Close();
    output_sent_ += static_cast<size_t>(count);
  }
  output_.erase(0, std::exchange(output_sent_, 0));
  Watch();
}

void Connection::Continue() {
  Flush();
  if (state_ == State::kAnswering) {
    SendAnswer();
  } else if (state_ == State::kFlushing && UnsentBytes() == 0) {
    AnswerSent();
  }
}

void Connection::AnswerQueued() {
  if (state_ == State::kClosed) return;
  state_ = State::kFlushing;
  if (body_) {  // its rest is of no use, and the next request would begin behind it
    keep_alive_ = false;
    std::exchange(body_, nullptr)->Break({ErrorCode::kCancelled, "the request has been answered"});
  }
  if (UnsentBytes() == 0) return AnswerSent();
  // A client that does not read must not keep its connection for ever.
  SetTimer(owner_->GetLimits().idle_milliseconds);
}

void Connection::AnswerSent() {
  exchange_.reset();
  if (!keep_alive_ || owner_->Closing()) {
    Linger();
    return;
  }
  state_ = State::kReading;
  SetTimer(owner_->GetLimits().idle_milliseconds);
  SetReading(true);
  Process();
}

void Connection::Linger() {
  if (input_ended_ || ::shutdown(socket_.Get(), SHUT_WR) != 0) return Close();
  state_ = State::kLingering;
  input_.clear();
  SetTimer(kLingerMilliseconds);
  SetReading(true);
}

void Connection::SetTimer(uint64_t milliseconds) {
  uv_timer_start(&timer_, OnTimer, milliseconds, 0);
}

void Connection::OnTimer(uv_timer_t* timer) {
  auto* self = static_cast<Connection*>(timer->data);
  if (self->body_) {
    self->BodyTimedOut();
  } else if (self->state_ == State::kAnswering && !self->PeerGone()) {
    self->SetTimer(kLookMilliseconds);
  } else if (self->state_ == State::kReading &&
             self->parser_.GetState() == RequestParser::State::kReceiving) {
    self->Refuse({408, "the request did not arrive within " +
                           std::to_string(self->owner_->GetLimits().request_milliseconds) + " ms"});
  } else {
    self->Close();
  }
}

void Connection::BodyTimedOut() {
  if (!reading_) {  // it waits for whoever takes the body, and would not see its client go
    if (PeerGone()) return Close();
    return SetTimer(kLookMilliseconds);
  }
  const uint64_t limit = owner_->GetLimits().idle_milliseconds;
  std::exchange(body_, nullptr)
      ->Break(
          {ErrorCode::kTimeout, "nothing of the request's body came for " + std::to_string(limit) + " ms"});
}

void Connection::CloseWhenIdle() {
  if (state_ == State::kReading || state_ == State::kLingering) Close();
}

void Connection::Orphan() {
  owner_ = nullptr;
  Close();
}

void Connection::Close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  if (body_) std::exchange(body_, nullptr)->Break({ErrorCode::kCancelled, "the client has gone"});
  if (const std::shared_ptr<Exchange> exchange = std::move(exchange_)) exchange->MarkClientGone();
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), OnHandleClosed);
  uv_close(reinterpret_cast<uv_handle_t*>(&timer_), OnHandleClosed);
}

void Connection::OnHandleClosed(uv_handle_t* handle) {
  auto* self = static_cast<Connection*>(handle->data);
  if (--self->open_handles_ > 0) return;
  if (self->owner_ != nullptr) self->owner_->ConnectionClosed(self->id_);
  delete self;
}

}  // namespace spawnd::daemon::http
